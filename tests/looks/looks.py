"""How the pages look in a browser: looks.py CHROMIUM OUT FILE...

Each page is opened in headless Chromium at 390 and 1280 pixels, light and dark, over the pipe of the
DevTools protocol. Found: a page that is wider than its window, text with too little contrast (WCAG 2.1
1.4.3: 4.5, or 3 for large text), anything that the page's policy stopped or that was fetched, a page
without one heading, table cells without a column, links without a name. Pictures of all go to OUT.
"""

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time

SECONDS = 60  # for one answer

LAYOUT = """(() => {
  const faults = [], parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => { const f = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`is ${document.documentElement.scrollWidth} px wide`);
  let texts = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, s = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || e.closest('caption, thead') && s.position === 'absolute') continue;
    texts++;
    const a = light(parse(e.closest('svg') ? s.fill : s.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), px = parseFloat(s.fontSize);
    if (ratio < (px >= 24 || px >= 18.6 && s.fontWeight >= 700 ? 3 : 4.5))
      faults.push(`'${walk.currentNode.data.trim().slice(0, 30)}' has a contrast of ${ratio.toFixed(2)}`);
    if (px < 11) faults.push(`'${walk.currentNode.data.trim().slice(0, 30)}' is ${px} px high`);
  }
  return JSON.stringify({faults, texts, scripts: document.scripts.length, ground: parse(getComputedStyle(document.body).backgroundColor)});
})()"""


class Browser:
    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.source, from_browser = os.pipe()

        def take_pipes():  # the protocol's descriptors are 3 and 4
            a, b = os.dup(to_browser), os.dup(from_browser)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=take_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self.source, False)
        self.count, self.rest, self.events = itertools.count(1), b"", []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Network", "Accessibility", "Runtime"):
            self.call(domain + ".enable")

    def read(self, until):
        while b"\0" not in self.rest:
            if time.monotonic() > until:
                raise TimeoutError("the browser says nothing")
            try:
                part = os.read(self.source, 1 << 20)
                if not part:
                    raise EOFError("the browser ended")
                self.rest += part
            except BlockingIOError:
                time.sleep(0.01)
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        request = {"id": next(self.count), "method": method, "params": params}
        if getattr(self, "session", None):
            request["sessionId"] = self.session
        os.write(self.out, json.dumps(request).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            answer = self.read(until)
            if answer.get("id") == request["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url):
        self.events = []
        self.call("Page.navigate", url=url)
        until = time.monotonic() + SECONDS
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.read(until))

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=SECONDS)


def accessible(nodes):
    """Faults of a page's accessibility tree."""
    role = lambda n: n.get("role", {}).get("value")
    name = lambda n: n.get("name", {}).get("value", "").strip()
    shown = [n for n in nodes if not n.get("ignored")]
    count = {r: len([n for n in shown if role(n) == r]) for r in ("main", "navigation", "columnheader", "cell", "table")}
    if count["main"] != 1 or count["navigation"] != 1:
        yield f"has {count['main']} main parts and {count['navigation']} navigations"
    if count["table"] > 0 and (count["columnheader"] == 0 or count["cell"] == 0):
        yield f"has {count['table']} tables with {count['columnheader']} headings and {count['cell']} cells"
    for n in shown:
        if role(n) in ("link", "heading", "table") and not name(n):
            yield f"has a {role(n)} without a name"


def look(browser, page, width, scheme, out):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open("file://" + os.path.abspath(page))
    said = json.loads(browser.call("Runtime.evaluate", expression=LAYOUT)["result"]["value"])
    yield from said["faults"]
    if said["texts"] < 10 or said["scripts"] > 0:
        yield f"shows {said['texts']} texts and has {said['scripts']} scripts"
    if (sum(said["ground"][:3]) < 382) != (scheme == "dark"):
        yield f"has the ground {said['ground']}"
    yield from accessible(browser.call("Accessibility.getFullAXTree")["nodes"])
    for e in browser.events:
        if e.get("method") == "Log.entryAdded":
            yield "the browser says: " + e["params"]["entry"]["text"]
        if e.get("method") == "Network.requestWillBeSent" and e["params"]["type"] != "Document":
            yield "fetches " + e["params"]["request"]["url"]
    picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]
    name = f"{os.path.basename(page)[:-5]}-{width}-{scheme}.png"
    with open(os.path.join(out, name), "wb") as f:
        f.write(base64.b64decode(picture))


def main():
    program, out, *pages = sys.argv[1:]
    faults = 0
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            for page, width, scheme in itertools.product(pages, (390, 1280), ("light", "dark")):
                for fault in look(browser, page, width, scheme, out):
                    faults += 1
                    print(f"FAULT {page}, {width} px, {scheme}: {fault}")
        finally:
            browser.close()
    print(f"{len(pages)} pages, narrow and wide, light and dark: {faults} faults; pictures in {out}")
    sys.exit(1 if faults or not pages else 0)


main()
