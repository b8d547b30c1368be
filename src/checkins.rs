//! What a job says of itself while it is worked on: a sink hears it, and a queue may show it.

use crate::message::Receipt;
use std::fmt;
use std::sync::{Arc, OnceLock};

type Listener = Box<dyn Fn(&Receipt, &str) + Send + Sync>;

/// The way from the sink to the queue, where that listens. Cheap to clone.
#[derive(Clone, Default)]
pub struct Checkins(Arc<OnceLock<Listener>>);

impl Checkins {
    /// Whoever calls this first is told of what jobs say from now on.
    pub fn listen(&self, listener: impl Fn(&Receipt, &str) + Send + Sync + 'static) {
        self.0.get_or_init(|| Box::new(listener));
    }

    /// The job of this delivery says this; `false` where nobody listens.
    pub fn tell(&self, receipt: &Receipt, text: &str) -> bool {
        let listener = self.0.get();
        listener.inspect(|listener| listener(receipt, text)).is_some()
    }
}

impl fmt::Debug for Checkins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkins({})", if self.0.get().is_some() { "heard" } else { "not heard" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn who_listens_first_is_told() {
        let checkins = Checkins::default();
        let receipt = Receipt("7".into());
        assert!(!checkins.tell(&receipt, "nobody hears this"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = heard.clone();
        checkins.clone().listen(move |receipt, text| {
            listener.lock().unwrap().push(format!("{} {text}", receipt.0));
        });
        checkins.listen(|_, _| unreachable!("another one listens"));
        assert!(checkins.tell(&receipt, "half"));
        assert_eq!(*heard.lock().unwrap(), ["7 half"]);
    }
}
