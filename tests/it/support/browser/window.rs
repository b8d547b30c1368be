//! What a window is like: its size, its colours, whether scripts run in it.

use super::Browser;
use crate::support::services;
use crate::support::system::is_root;
use serde_json::{Value, json};

/// A window to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    width: u32,
    height: u32,
    is_phone: bool,
    is_dark: bool,
    runs_scripts: bool,
}

impl Window {
    /// The window of a laptop, in light colours.
    pub const LAPTOP: Self =
        Self { width: 1280, height: 800, is_phone: false, is_dark: false, runs_scripts: true };

    /// A phone, in light colours.
    pub const PHONE: Self = Self { width: 390, height: 844, is_phone: true, ..Self::LAPTOP };

    /// One whose owner prefers dark colours.
    pub const fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// One in which no page runs a script.
    pub const fn without_scripts(self) -> Self {
        Self { runs_scripts: false, ..self }
    }

    /// What the driver is told when the window is opened.
    pub(super) fn capabilities(&self) -> Value {
        let mut arguments = vec!["--disable-dev-shm-usage", "--disable-gpu"];
        arguments.extend(["--force-color-profile=srgb", "--lang=en", "--hide-scrollbars"]);
        // Its sandbox is not for root, and it visits our pages only.
        arguments.extend(is_root().then_some("--no-sandbox"));
        json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": services::browser() },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        })
    }

    /// Makes an open window like this.
    pub(super) async fn dress(&self, browser: &Browser) {
        let size = json!({
            "width": self.width, "height": self.height,
            "deviceScaleFactor": 1, "mobile": self.is_phone,
        });
        browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if self.is_dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        browser.devtools("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await;
        let none = json!({ "value": !self.runs_scripts });
        browser.devtools("Emulation.setScriptExecutionDisabled", none).await;
    }
}
