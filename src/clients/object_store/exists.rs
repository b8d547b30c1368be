//! Whether an object is there, without its bytes.

use super::Store;
use super::failure::Failure;
use object_store::ObjectStoreExt as _;

impl Store {
    /// Whether there is an object of this key.
    ///
    /// # Errors
    /// Why nobody can tell: `BadKey` and `Refused` where nothing can have this key, and `Denied` also
    /// where a store hides what is missing.
    pub async fn exists(&self, key: &str) -> Result<bool, Failure> {
        let path = self.path(key)?;
        if let Some(folder) = &self.folder {
            return folder.exists(path.as_ref()).await;
        }
        let look = async {
            match self.objects.head(&path).await {
                Ok(_) => Ok(true),
                Err(error) => match self.failure(&error) {
                    Failure::Missing => Ok(false),
                    other => Err(other),
                },
            }
        };
        self.in_time(0, look).await
    }
}
