//! Pictures of pages, for somebody to look at.

use super::Browser;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use std::path::PathBuf;

/// How many pixels a picture has for each of the page's, along a side.
const SCALE: u32 = 2;

impl Browser {
    /// Takes a picture of the whole page, and gives the file that it is in: one of this name, in
    /// `screenshots` among what the tests build.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let size = &self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": SCALE,
        });
        let wanted = json!({
            "format": "png", "captureBeyondViewport": true, "clip": clip, "optimizeForSpeed": true,
        });
        let picture = self.devtools("Page.captureScreenshot", wanted).await;
        let data = picture["data"].as_str().expect("a picture");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, BASE64_STANDARD.decode(data).expect("Base64")).expect("a file");
        path
    }
}
