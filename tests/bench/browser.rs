//! Debian's Chromium without a window, driven over WebDriver (W3C) by hand: each command is one POST of curl's.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::process::Service;
use super::{Bench, not_run};

/// A browser with one empty tab and nothing of anybody in it.
pub(crate) struct Browser<'a> {
    bench: &'a Bench,
    session: String,
    _driver: Service,
}

impl<'a> Browser<'a> {
    /// Starts one. `None`, said aloud, where there is none.
    pub(crate) fn start(bench: &'a Bench) -> Option<Self> {
        for program in ["chromedriver", "chromium", "curl"] {
            not_run::unless_installed(program)?;
        }
        let driver = bench.service("chromedriver", &["--port=0"]);
        let port = driver.wait_for("on which port it is", |line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let data = format!("--user-data-dir={}", bench.path("chromium").display());
        let mut flags = FLAGS.to_vec();
        flags.push(&data);
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": flags},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let driver_url = format!("http://127.0.0.1:{port}/session");
        let made = post(bench, &driver_url, &wanted);
        let session = format!("{driver_url}/{}", made["sessionId"].as_str().unwrap_or_else(|| panic!("{made}")));
        Some(Self { bench, session, _driver: driver })
    }

    /// Loads a page, and waits until it is there.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({"url": url}));
    }

    /// What a script in the page returns.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        self.command("execute/sync", &json!({"script": format!("return {expression}"), "args": []}))
    }

    /// The text of the first element that a selector finds, as a person sees it.
    pub(crate) fn text(&self, selector: &str) -> String {
        let selector = json!(selector);
        let found = self.evaluate(&format!("document.querySelector({selector})?.innerText ?? null"));
        found.as_str().unwrap_or_else(|| panic!("there is no {selector}")).to_owned()
    }

    /// How many elements a selector finds.
    pub(crate) fn count(&self, selector: &str) -> u64 {
        self.evaluate(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap()
    }

    /// Clicks on the first element that a selector finds, as a person does, and waits for the page it leads to.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = element.as_object().and_then(|element| element.values().next()).and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("{selector}: {element}"));
        self.command(&format!("element/{id}/click"), &json!({}));
    }

    /// Makes the screen so many points wide and high.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// `dark` or `light`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Writes what the screen shows as a PNG file.
    pub(crate) fn screenshot(&self, file: &Path) {
        let shot = self.devtools("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        std::fs::write(file, BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }

    /// What the browser complains of since the last call: a policy that was broken, a file that was not there.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    fn command(&self, command: &str, body: &Value) -> Value {
        post(self.bench, &format!("{}/{command}", self.session), body)
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        // Ends Chromium; the driver ends with its service.
        let _ = self.bench.command("curl", &["--silent", "--request", "DELETE", &self.session]).output();
    }
}

/// The value that a command of WebDriver gives.
fn post(bench: &Bench, url: &str, body: &Value) -> Value {
    let arguments =
        ["--silent", "--show-error", "--header", "Content-Type: application/json", "--data-binary", "@-", url];
    let output = bench.command("curl", &arguments).stdin(body.to_string()).output().success();
    let answer = output.json();
    let value = answer["value"].clone();
    assert!(value.get("error").is_none(), "{url}: {}", value["message"]);
    value
}

/// No window, no service of anybody's, and no name but this machine's.
const FLAGS: [&str; 12] = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];
