//! A real Chromium, driven through its own driver. Waits for what a person would see, never for time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::wd::{Capabilities, TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

pub struct Chromium {
    pub client: Client,
    base: String,
    driver: Child,
    _profile: TempDir,
}

/// What every page must be free of, read in the page itself.
const OVERFLOWS: &str =
    "return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1";

/// Installed by `tests/run`; a tool of the tests, in no way a part of the program.
const AXE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/axe/node_modules/axe-core/axe.min.js");
/// Colours that change from one theme to the other take a moment, in which they are neither's.
const SETTLED: &str = "const done = arguments[0];
    const passing = document.getAnimations().filter((it) => it.effect.getComputedTiming().endTime !== Infinity);
    Promise.allSettled(passing.map((it) => it.finished)).then(() => done(true))";
const VIOLATIONS: &str = "const done = arguments[0]; axe.run({ resultTypes: ['violations'] }).then(
    (found) => done(found.violations.map((it) => `${it.id}: ${it.nodes[0].html}\n${it.nodes[0].failureSummary}`)),
    (error) => done([String(error)]))";

/// Everything that the page loaded, as it travelled: pairs of address and bytes.
const LOADED: &str =
    "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .map((it) => [it.name, it.encodedBodySize])";
/// What a first visit may cost, compressed.
const MAX_PAGE_BYTES: u64 = 120 << 10;

impl Chromium {
    /// A new browser with an empty profile. `base` is the server's address.
    pub async fn open(base: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed by tests/run");
        let port = port_of(&mut driver);
        let profile = tempfile::tempdir().expect("a folder");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--window-size=1440,900",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser");
        let patience = TimeoutConfiguration::new(Some(Duration::from_secs(300)), None, None);
        client.update_timeouts(patience).await.expect("takes its time on a busy machine");
        Self { client, base: base.to_owned(), driver, _profile: profile }
    }

    pub async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.expect("goes there");
    }

    /// Waits until something matches the selector.
    pub async fn see(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                panic!("{css} did not appear on {}: {error}\n{}", self.path().await, self.text().await)
            }
        }
    }

    /// Waits until the page's text holds `words`.
    pub async fn read(&self, words: &str) {
        let quoted = serde_json::to_string(words).expect("text");
        let script = format!("return document.body.innerText.includes({quoted})");
        for _ in 0..600 {
            let found = self.client.execute(&script, vec![]).await;
            if found.is_ok_and(|it| it == json!(true)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{words:?} did not appear on {}:\n{}", self.path().await, self.text().await);
    }

    pub async fn fill(&self, name: &str, value: &str) {
        let field = self.see(&format!("[name=\"{name}\"]")).await;
        field.clear().await.expect("empties");
        field.send_keys(value).await.expect("types");
    }

    pub async fn click(&self, css: &str) {
        self.see(css).await.click().await.expect("clicks");
    }

    /// As a hand that is used to double clicks.
    pub async fn double_click(&self, css: &str) {
        let element = self.see(css).await;
        let twice = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveToElement { element, duration: None, x: 0., y: 0. })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
            .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(twice).await.expect("clicks twice");
    }

    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.expect("looks").len()
    }

    /// Clicks the button or link with this text.
    pub async fn press(&self, label: &str) {
        let xpath = format!("(//button|//a|//summary)[normalize-space(.)=\"{label}\"]");
        let found = self.client.wait().for_element(Locator::XPath(&xpath)).await;
        let element = match found {
            Ok(element) => element,
            Err(_) => panic!("no {label:?} on {}:\n{}", self.path().await, self.text().await),
        };
        element.click().await.expect("clicks");
    }

    pub async fn text(&self) -> String {
        let text = self.client.execute("return document.body.innerText", vec![]).await.unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    pub async fn path(&self) -> String {
        self.client.current_url().await.map(|it| it.path().to_owned()).unwrap_or_default()
    }

    /// A screen of this size: a window of the browser itself cannot be as narrow as a telephone.
    pub async fn size(&self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        let body = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics});
        self.ask("goog/cdp/execute", body).await;
    }

    /// A command of this driver that the standard does not know.
    async fn ask(&self, command: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { command, body }).await.expect("answers")
    }

    /// What the console has said since it was last asked, and what could not be loaded.
    async fn complaints(&self) -> Vec<String> {
        let log = self.ask("se/log", json!({"type": "browser"})).await;
        let lines = log.as_array().into_iter().flatten().filter(|it| it["level"] == "SEVERE");
        // A page that says that something is not there answers so, too, and the browser repeats it.
        let own =
            format!("{} - Failed to load resource", self.client.current_url().await.expect("an address"));
        let said = lines.map(|it| it["message"].as_str().unwrap_or_default().to_owned());
        said.filter(|it| !it.starts_with(&own)).collect()
    }

    /// Sets the theme as the page's own switch does.
    pub async fn theme(&self, theme: &str) {
        let script = format!("document.documentElement.dataset.theme = '{theme}'");
        self.client.execute(&script, vec![]).await.expect("sets the theme");
    }

    /// The page does not scroll sideways, shuts nobody out (axe-core), and its console is free of errors.
    pub async fn is_sound(&self) {
        let path = self.path().await;
        let wide = self.client.execute(OVERFLOWS, vec![]).await.expect("measures");
        assert_eq!(wide, json!(false), "{path} scrolls sideways");
        let axe = std::fs::read_to_string(AXE).expect("axe-core is installed by tests/run");
        self.client.execute(&axe, vec![]).await.expect("takes axe-core");
        self.client.execute_async(SETTLED, vec![]).await.expect("waits");
        let found = self.client.execute_async(VIOLATIONS, vec![]).await.expect("looks");
        assert_eq!(found, json!([]), "{path} shuts people out");
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{path}: {complaints:?}");
    }

    /// All that the page loaded came from the server itself, and is little. Answers the bytes.
    pub async fn is_light(&self) -> u64 {
        let path = self.path().await;
        let loaded = self.client.execute(LOADED, vec![]).await.expect("measures");
        let loaded: BTreeMap<String, u64> =
            serde_json::from_value::<Vec<(String, u64)>>(loaded).expect("pairs").into_iter().collect();
        let foreign: Vec<&String> = loaded.keys().filter(|it| !it.starts_with(&self.base)).collect();
        assert!(foreign.is_empty(), "{path} asks other hosts: {foreign:?}");
        let bytes = loaded.values().sum();
        assert!(bytes <= MAX_PAGE_BYTES, "{path} weighs {bytes} bytes: {loaded:#?}");
        bytes
    }

    /// Where the links of the page lead on this server.
    pub async fn links(&self) -> Vec<String> {
        let script = "return [...document.links].filter((it) => it.origin === location.origin).map((it) => it.pathname)";
        let found = self.client.execute(script, vec![]).await.expect("reads");
        serde_json::from_value(found).expect("paths")
    }

    /// A picture under `tests/out/`, for people to look at.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/out");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(format!("{name}.png"));
        let bytes = self.client.screenshot().await.expect("a picture");
        std::fs::write(&path, bytes).expect("writes");
        path
    }

    pub async fn close(mut self) {
        let _ = self.client.clone().close().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A command of ChromeDriver's own.
#[derive(Debug)]
struct Own {
    command: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base_url: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session.unwrap_or_default(), self.command))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// The driver says on which port it listens.
fn port_of(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines();
    loop {
        let line = lines.next().expect("the driver starts").expect("text");
        if let Some((_, rest)) = line.split_once("successfully on port ") {
            let port = rest.trim_end_matches('.').parse().expect("a port");
            std::thread::spawn(move || lines.for_each(drop));
            return port;
        }
    }
}
