//! Which lease of which message of an embedded queue: what its receipts say.

use crate::message::Receipt;

/// What a receipt stands for: a message, and the lease under which it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// The message's place in the file.
    pub seq: i64,
    /// Changes with each lease, so that a late worker's receipt opens nothing.
    pub token: i64,
}

impl Claim {
    /// The receipt of it.
    pub fn receipt(self) -> Receipt {
        Receipt(format!("{}-{}", self.seq, self.token).into())
    }

    /// What a receipt of ours says; `None` where it is not one.
    pub fn of(receipt: &Receipt) -> Option<Self> {
        let (seq, token) = receipt.0.split_once('-')?;
        Some(Self { seq: seq.parse().ok()?, token: token.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_what_was_claimed() {
        let claim = Claim { seq: 7, token: i64::MAX };
        assert_eq!(Claim::of(&claim.receipt()), Some(claim));
        for rubbish in ["", "7", "7-", "-7", "a-b", "7-8-9", "99999999999999999999-1"] {
            assert_eq!(Claim::of(&Receipt(rubbish.into())), None, "{rubbish:?}");
        }
    }
}
