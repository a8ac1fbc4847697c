//! The page in a real browser: Chromium through ChromeDriver (W3C WebDriver). Says so and passes where there is none.

use super::hostile::{corpus, poisoned};
use cutset::analysis::{Analysis, si};
use cutset::model::Level;
use cutset::render::picture::{Closure, outcome};
use cutset::render::{Request, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(super) struct Browser {
    driver: Child,
    session: String,
}

impl Browser {
    /// None where ChromeDriver or Chromium is not installed.
    pub(super) fn start() -> Option<Browser> {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(driver) = driver else {
            eprintln!("skipped: `chromedriver` is not installed");
            return None;
        };
        let mut browser = Browser { driver, session: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "chromedriver listens");
            std::thread::sleep(Duration::from_millis(50));
        }
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"],
        });
        let capabilities = json!({
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
            "unhandledPromptBehavior": "ignore",
        });
        match browser.post("/session", &json!({ "capabilities": { "alwaysMatch": capabilities } })) {
            Ok(value) => {
                let id = value["sessionId"].as_str().expect("a session").to_owned();
                browser.session = format!("{}/session/{id}", browser.session);
                Some(browser)
            }
            Err(error) => {
                eprintln!("skipped: no browser answers chromedriver ({error})");
                None
            }
        }
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.session);
        let response = ureq::post(&url)
            .config()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .header("content-type", "application/json")
            .send(body.to_string());
        let text = response
            .map_err(|error| error.to_string())?
            .body_mut()
            .read_to_string()
            .map_err(|error| error.to_string())?;
        let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        match value["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["value"]["message"])),
            None => Ok(value["value"].clone()),
        }
    }

    pub(super) fn open(&self, name: &str, analysis: &Analysis) {
        let files = render(analysis, "html", &Request::default()).expect("it renders");
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, &files[0].bytes).expect("the page is written");
        self.post("/url", &json!({ "url": format!("file://{}", path.display()) })).expect("it opens");
        assert_eq!(self.run("return document.documentElement.dataset.ready"), "yes", "{name}: the script ran");
    }

    pub(super) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] })).unwrap_or_else(|e| panic!("{script}: {e}"))
    }

    pub(super) fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector })).expect(selector);
        let id = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str).expect("an element");
        format!("/element/{id}")
    }

    pub(super) fn click(&self, selector: &str) {
        self.post(&format!("{}/click", self.find(selector)), &json!({})).expect(selector);
    }

    pub(super) fn keys(&self, selector: &str, text: &str) {
        self.post(&format!("{}/value", self.find(selector)), &json!({ "text": text })).expect(selector);
    }

    pub(super) fn media(&self, parameters: &Value) {
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": parameters });
        self.post("/goog/cdp/execute", &body).expect("the medium changes");
    }

    /// What the console said since the last call: a violated policy and a thrown error are both there.
    pub(super) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).expect("the log");
        log.as_array().into_iter().flatten().map(|entry| entry["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";
const HOME: &str = "\u{e011}";
const RIGHT: &str = "\u{e014}";

#[test]
fn the_page_does_what_it_promises() {
    let Some(browser) = Browser::start() else { return };
    let analysis = super::fixture();
    browser.open("page.html", &analysis);
    every_combination(&browser, &analysis);
    switches_and_buttons(&browser);
    pan_and_zoom(&browser);
    slider(&browser, &analysis);
    filter_and_drawer(&browser);
    print_and_dark(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    sizes(&browser);
}

/// All 2^8 combinations of the catalogue's controls, flipped in the page, are what the analysis says.
fn every_combination(browser: &Browser, analysis: &Analysis) {
    let shown = browser.run(
        "const boxes = [...document.querySelectorAll('.switch')].slice(0, 8);
         const text = (id) => document.getElementById(id).textContent;
         const out = [];
         for (let bits = 0; bits < 256; bits += 1) {
           boxes.forEach((box, i) => { if (box.checked !== Boolean(bits >> i & 1)) box.click(); });
           out.push({
             levels: [...document.querySelectorAll('.now')].map((cell) => cell.classList[1]),
             bytes: text('p-bytes'), collateral: text('p-collateral'), closure: text('p-closure'),
             paths: document.querySelectorAll('#p-paths li').length,
             dashed: [...document.querySelectorAll('#p-graph .edge.step.cut .line')]
               .every((line) => line.getAttribute('stroke-dasharray') === '6 4'),
             edges: [...document.querySelectorAll('#p-graph .edge.step')].map((edge) => edge.classList.contains('cut')),
             marks: [...document.querySelectorAll('#p-graph .edge.step.cut .mark')].every((mark) => mark.textContent.startsWith('✂')),
           });
         }
         boxes.forEach((box) => { if (box.checked) box.click(); });
         return out;",
    );
    let shown = shown.as_array().expect("a list");
    assert_eq!(shown.len(), 256);
    for (bits, page) in shown.iter().enumerate() {
        let with: Vec<String> = analysis
            .controls
            .iter()
            .take(8)
            .enumerate()
            .filter(|(at, _)| bits >> at & 1 == 1)
            .map(|(_, c)| c.id.clone())
            .collect();
        let expected = outcome(analysis, &with);
        let levels: Vec<&str> = expected.levels.iter().map(|level| level.word()).collect();
        let page_levels: Vec<&str> =
            page["levels"].as_array().expect("levels").iter().filter_map(Value::as_str).collect();
        assert_eq!(page_levels, levels, "{with:?}");
        let bytes = page["bytes"].as_str().expect("text");
        assert_eq!(bytes.split(" of ").next(), Some(si(expected.bytes_lost).as_str()), "{with:?}");
        let [cut, asked, unknown] = expected.collateral;
        let said = page["collateral"].as_str().expect("text");
        assert!(said.starts_with(&format!("{cut} events, {asked} asked for more")), "{with:?}: {said}");
        assert_eq!(said.contains("not known"), unknown > 0, "{with:?}: {said}");
        let distinct: BTreeSet<String> = expected.ways.iter().map(super::combinations::said).collect();
        assert_eq!(page["paths"], distinct.len(), "{with:?}");
        let closure = page["closure"].as_str().expect("text");
        let word = match &expected.closures[0].1 {
            Closure::Closed => "customer-data: closed".to_owned(),
            Closure::ClosedIfLacking(words) => {
                format!("customer-data: closed if the attacker lacks {}", words.join(", "))
            }
            Closure::Open => "customer-data: open".to_owned(),
        };
        assert_eq!(closure, word, "{with:?}");
        assert_eq!(page["dashed"], true, "{with:?}: cut edges are dashed");
        assert_eq!(page["marks"], true, "{with:?}: cut edges name the control");
        if bits > 0 {
            let edges = page["edges"].as_array().expect("edges").iter().filter(|cut| **cut == true).count();
            let cut = expected.levels.iter().filter(|level| **level == Level::Cut).count();
            assert!(edges >= cut, "{with:?}: {edges} edges of {cut} cut steps");
        }
    }
}

fn switches_and_buttons(browser: &Browser) {
    browser.click(".switch[data-control='5']");
    assert_eq!(browser.run("return document.getElementById('p-cut').textContent"), "8 of 10");
    browser.click("#p-best");
    assert_eq!(browser.run("return document.getElementById('p-cut').textContent"), "9 of 10");
    assert_eq!(browser.run("return document.querySelectorAll('.switch:checked').length"), 1);
    browser.click("#p-none");
    assert_eq!(browser.run("return document.getElementById('p-cut').textContent"), "0 of 10");
    browser.click("#p-show-timeline");
    let hidden = "return [document.getElementById('p-graph').hidden, document.getElementById('p-timeline').hidden]";
    assert_eq!(browser.run(hidden), json!([true, false]));
    browser.click("#p-show-graph");
    assert_eq!(browser.run(hidden), json!([false, true]));
}

fn pan_and_zoom(browser: &Browser) {
    let look = "return document.querySelector('#p-graph svg').getAttribute('viewBox')";
    let whole = browser.run(look);
    browser.click("#p-in");
    let nearer = browser.run(look);
    assert_ne!(nearer, whole);
    browser.keys("#p-stage", RIGHT);
    let moved = browser.run(look);
    assert_ne!(moved, nearer);
    let pointer = json!({ "actions": [{ "type": "pointer", "id": "mouse", "actions": [
        { "type": "pointerMove", "x": 800, "y": 300 }, { "type": "pointerDown", "button": 0 },
        { "type": "pointerMove", "x": 700, "y": 260, "duration": 60 }, { "type": "pointerUp", "button": 0 } ] }] });
    browser.post("/actions", &pointer).expect("a drag");
    let dragged = browser.run(look);
    assert_ne!(dragged, moved);
    assert_eq!(browser.run("return document.getElementById('p-drawer').hidden"), true, "a drag opens nothing");
    let wheel = json!({ "actions": [{ "type": "wheel", "id": "wheel", "actions": [
        { "type": "scroll", "x": 800, "y": 300, "deltaX": 0, "deltaY": -120 } ] }] });
    browser.post("/actions", &wheel).expect("a turn of the wheel");
    assert_ne!(browser.run(look), dragged);
    browser.click("#p-fit");
    assert_eq!(browser.run(look), whole);
}

fn slider(browser: &Browser, analysis: &Analysis) {
    let later =
        "return [document.querySelectorAll('.step-row.later').length, document.getElementById('p-until').textContent]";
    assert_eq!(browser.run(later)[0], 0);
    browser.keys("#p-slider", HOME);
    assert_eq!(browser.run(later)[0], analysis.steps.len());
    browser.keys("#p-slider", &RIGHT.repeat(3));
    assert_eq!(browser.run(later)[0], analysis.steps.len() - 3);
    assert_eq!(browser.run(later)[1], "21 Mar 03:14:40");
    let drawn = "return document.querySelectorAll('#p-graph .edge.step:not(.later)').length";
    assert_eq!(browser.run(drawn), 4, "s1, s2, and the two edges of s3");
    browser.keys("#p-slider", "\u{e010}");
    assert_eq!(browser.run(later)[0], 0);
}

fn filter_and_drawer(browser: &Browser) {
    browser.run("document.activeElement.blur()");
    browser.keys("body", "/");
    assert_eq!(browser.run("return document.activeElement.id"), "p-filter");
    browser.keys("#p-filter", "signin 03:12");
    let visible = "return [...document.querySelectorAll('.step-row')].filter((row) => !row.hidden).length";
    assert_eq!(browser.run(visible), 1);
    browser.keys(".step-row:not([hidden])", ENTER);
    let drawer =
        "const d = document.getElementById('p-drawer'); return [d.hidden, d.textContent, document.activeElement.id]";
    let shown = browser.run(drawer);
    assert_eq!(shown[0], false);
    let text = shown[1].as_str().expect("text");
    for word in [
        "s1 sign-in ARM",
        "198.51.100.77",
        "timeline/signins.json, record 1",
        "\"UserPrincipalName\"",
        "password of admin",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(shown[2], "p-close", "the focus is in the drawer");
    browser.keys("#p-close", ESCAPE);
    assert_eq!(browser.run(drawer)[0], true);
    assert_eq!(browser.run("return document.activeElement.className"), "step-row", "the focus is back");
    browser.run("const f = document.getElementById('p-filter'); f.value = ''; f.dispatchEvent(new Event('input'))");
    assert_eq!(browser.run(visible), 10);
}

fn print_and_dark(browser: &Browser) {
    let ground = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.run(ground), "rgb(255, 255, 255)");
    browser.media(&json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }));
    assert_eq!(browser.run(ground), "rgb(14, 19, 27)");
    browser.media(&json!({ "media": "print", "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }));
    assert_eq!(browser.run(ground), "rgb(255, 255, 255)", "paper is white");
    assert_eq!(browser.run("return getComputedStyle(document.querySelector('.slider')).display"), "none");
    assert_eq!(browser.run("return getComputedStyle(document.getElementById('p-timeline')).display"), "block");
    browser.media(&json!({ "media": "", "features": [] }));
}

/// The page prints sizes as the tables do.
fn sizes(browser: &Browser) {
    for bytes in [0, 999, 1000, 1499, 999_499_999, 999_500_000, 1_005_000, 2_450_000_000, 145_488_000, 145_500_000] {
        let mut analysis = super::fixture();
        analysis.steps.iter_mut().for_each(|step| step.bytes = 0);
        analysis.steps[0].bytes = bytes;
        browser.open("size.html", &analysis);
        assert_eq!(browser.run("return document.getElementById('p-bytes').textContent"), si(bytes));
    }
}

#[test]
fn hostile_words_stay_words_in_the_browser() {
    let Some(browser) = Browser::start() else { return };
    for (why, text) in corpus() {
        browser.open("hostile.html", &poisoned(&text));
        let seen = browser.run(
            "document.querySelector('.step-row').click();
             document.getElementById('p-best').click();
             return [document.scripts.length, document.images.length, document.querySelectorAll('iframe,object,embed,link,base,form').length,
               [...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on'))).length,
               [...document.querySelectorAll('a')].map((a) => a.getAttribute('href')).join(),
               performance.getEntriesByType('resource').length, document.querySelectorAll('.step-row').length]",
        );
        assert_eq!(seen, json!([2, 0, 0, 0, "#p-steps", 0, 10]), "{why}");
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{why}");
    }
}
