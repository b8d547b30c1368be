//! Which lease of which message of an embedded queue: what its receipts say.

use crate::message::Receipt;

/// In how many ways the tokens of one message's leases can end.
pub const ENDINGS: i64 = 1000;

/// A token that was never used before. It ends in zeros.
pub fn token() -> i64 {
    fastrand::i64(1..i64::MAX / ENDINGS) * ENDINGS
}

/// The token of a lease that counts, of a message that had so many before: it ends otherwise than
/// that of any lease shortly before it, and than those that do not count.
pub fn counted(token: i64, leases: u32) -> i64 {
    token + 1 + i64::from(leases) % (ENDINGS - 1)
}

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
    fn leases_that_follow_each_other_end_otherwise() {
        let token = token();
        assert!(token > 0 && token % ENDINGS == 0);
        let endings: std::collections::BTreeSet<_> =
            (7..1006).map(|leases| counted(token, leases) - token).collect();
        assert_eq!(endings, (1..ENDINGS).collect());
        assert!(counted(token, u32::MAX) < token + ENDINGS);
    }

    #[test]
    fn a_receipt_says_what_was_claimed() {
        let claim = Claim { seq: 7, token: i64::MAX };
        assert_eq!(Claim::of(&claim.receipt()), Some(claim));
        for rubbish in ["", "7", "7-", "-7", "a-b", "7-8-9", "99999999999999999999-1"] {
            assert_eq!(Claim::of(&Receipt(rubbish.into())), None, "{rubbish:?}");
        }
    }
}
