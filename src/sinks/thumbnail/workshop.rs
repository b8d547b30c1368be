//! Where pictures are worked on: as many at once as there are cores, and no more than there is room
//! for, whatever the backlog and however large the pictures.

use super::picture::{Picture, Recipe, Thumbnail};
use bytes::Bytes;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// The room for pictures as they came, in bytes; or for one, where one may be larger.
const ROOM_FOR_FILES: u64 = 128 << 20;

/// The room for pictures that are being decoded, in bytes. A larger one has it for itself.
const ROOM_FOR_PIXELS: u64 = 256 << 20;

/// What room is counted in, in bytes.
const UNIT: u64 = 1 << 10;

/// Cores and room.
pub(super) struct Workshop {
    cores: Arc<Semaphore>,
    files: Room,
    pixels: Room,
    works: TaskTracker,
}

impl Workshop {
    /// A workshop for files of at most this many bytes each.
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            cores: Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))),
            files: Room::of(ROOM_FOR_FILES.max(max_bytes)),
            pixels: Room::of(ROOM_FOR_PIXELS),
            works: TaskTracker::new(),
        }
    }

    /// Waits for room for a file of this size.
    pub(super) async fn room_for(&self, size: u64) -> ReservedRoom {
        self.files.take(size).await
    }

    /// Makes the thumbnail of a picture, off the threads that wait for the network. What spoils a
    /// decoder spoils this picture only.
    pub(super) async fn make(
        &self,
        bytes: Bytes,
        file: ReservedRoom,
        recipe: Recipe,
        most_pixels: u64,
    ) -> Result<Thumbnail, String> {
        let picture = self.work((), move || Picture::open(bytes, most_pixels)).await??;
        // Whoever has room for pixels waits for nothing but a core: it is always given back.
        let room = self.pixels.take(picture.memory(recipe)).await;
        self.work((file, room), move || picture.thumbnail(recipe)).await?
    }

    /// Works on a core of its own, and holds what it needs until it is done: a caller that goes
    /// away does not end it.
    async fn work<T: Send + 'static>(
        &self,
        hold: impl Send + 'static,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        let core = self.cores.clone().acquire_owned().await.expect("it is never closed");
        let work = self.works.spawn_blocking(move || {
            let done = work();
            drop((hold, core));
            done
        });
        work.await.map_err(|_| "it makes its decoder panic".to_owned())
    }

    /// Waits for what is being worked on.
    pub(super) async fn close(&self) {
        self.works.close();
        self.works.wait().await;
    }
}

/// Memory for pictures, in units that are lent.
struct Room {
    units: u32,
    free: Arc<Semaphore>,
}

impl Room {
    fn of(bytes: u64) -> Self {
        let units = units(bytes);
        Self { units, free: Arc::new(Semaphore::new(units as usize)) }
    }

    async fn take(&self, bytes: u64) -> ReservedRoom {
        let wanted = units(bytes).min(self.units);
        let room = self.free.clone().acquire_many_owned(wanted).await;
        ReservedRoom(room.expect("it is never closed"))
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1)
}

/// Room for a picture, free again when this goes out of scope.
pub(super) struct ReservedRoom(OwnedSemaphorePermit);

impl ReservedRoom {
    /// Gives back what is more than this.
    pub(super) fn shrink_to(&mut self, bytes: u64) {
        let more = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_larger_than_the_room_has_it_for_itself() {
        let room = Room::of(10 * UNIT);
        let mut all = room.take(1000 * UNIT).await;
        assert_eq!(room.free.available_permits(), 0);
        all.shrink_to(3 * UNIT);
        assert_eq!(room.free.available_permits(), 7);
        let some = room.take(7 * UNIT).await;
        drop((all, some));
        assert_eq!(room.free.available_permits(), 10);
    }

    #[tokio::test]
    async fn a_panic_is_the_end_of_one_work() {
        let workshop = Workshop::new(1);
        let panicked = workshop.work((), || panic!("on purpose")).await;
        let reason: Result<(), _> = Err("it makes its decoder panic".to_owned());
        assert_eq!(panicked, reason);
        for _ in 0..100 {
            assert_eq!(workshop.work((), || 7).await, Ok(7), "its core is free again");
        }
        workshop.close().await;
    }
}
