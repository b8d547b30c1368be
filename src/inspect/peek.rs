//! Looks at messages, a page at a time.

use super::by_receive::look;
use super::paged_receiver::ReceiveLimits;
use crate::error::Result;
use crate::message::Delivery;
use crate::queues::{MessageState, Peek, PeekByReceiving, Peeked};

/// At most this many messages are looked at in one transaction.
const PAGE: usize = 200;

/// Shows at most `max` messages, of one tag where that is named, without taking them, until `show`
/// says that it is enough.
pub async fn peek(
    queue: &dyn Peek,
    max: usize,
    tag: Option<&str>,
    mut show: impl FnMut(&[Peeked]) -> Result<bool>,
) -> Result<()> {
    let (mut left, mut after) = (max, 0);
    while left > 0 {
        let most = if tag.is_some() { PAGE } else { left.min(PAGE) };
        let mut page = queue.peek(after, most).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        page.retain(|it| tag.is_none() || it.message.tag.as_deref() == tag);
        page.truncate(left);
        left -= page.len();
        if !page.is_empty() && !show(&page)? {
            break;
        }
    }
    Ok(())
}

/// Receives messages, shows them until `show` says that it is enough or `stop` is there, and gives
/// all of them back.
pub async fn peek_by_receiving(
    queue: &dyn PeekByReceiving,
    limits: ReceiveLimits,
    stop: impl Future<Output = ()>,
    mut show: impl FnMut(&[Peeked]) -> Result<bool>,
) -> Result<()> {
    let messages = queue.messages(Some(limits.max)).await?;
    let show = |page: Vec<Delivery>| show(&page.into_iter().map(received).collect::<Vec<_>>());
    look(messages, limits, stop, show).await.map(drop)
}

/// A message as it was received: everybody could have had it.
fn received(delivery: Delivery) -> Peeked {
    Peeked {
        position: 0,
        message: delivery.message,
        attempts: delivery.attempts,
        state: MessageState::Ready,
        until: None,
        unreadable: None,
    }
}
