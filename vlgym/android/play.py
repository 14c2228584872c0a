"""The phone for a person: what `vlgym-play vlgym/Android-v0` shows in a browser, for mouse and keyboard.

A click is a tap, a held button a long press, a pulled mouse a swipe (a drag if it is held before), the wheel scrolls,
keys type. A small script turns them into action texts of the grammar; nothing else reaches the environment.
"""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.env import AndroidEnv

SIZE = (540, 1200)
"""Width and height of the picture, whatever the agent sees."""

SCRIPT = """
(() => {
  const form = document.getElementById("act"), field = document.getElementById("do");
  const screen = document.getElementById("screen"), typed = document.getElementById("typed");
  const keys = {Enter: "press(enter)", Backspace: "press(delete)", Escape: "press(back)", Home: "press(home)",
    Tab: "press(tab)", ArrowUp: "press(up)", ArrowDown: "press(down)", ArrowLeft: "press(left)",
    ArrowRight: "press(right)", PageDown: "scroll(down)", PageUp: "scroll(up)"};
  let words = "", timer = 0, down = null, sent = false;
  const later = sessionStorage.getItem("vlgym-next");
  sessionStorage.removeItem("vlgym-next");
  const send = (action, next) => {
    if (sent) return;
    sent = true;
    if (next) sessionStorage.setItem("vlgym-next", next);
    field.value = action;
    form.submit();
  };
  const say = (verb, text) => `${verb}(${JSON.stringify(text)})`;
  const act = action => words ? send(say("type", words), action) : send(action);
  const at = event => {
    const box = screen.getBoundingClientRect(), cut = v => Math.min(Math.max(v, 0), 0.9999).toFixed(4);
    return [cut((event.clientX - box.left) / box.width), cut((event.clientY - box.top) / box.height)].join(", ");
  };
  screen.onpointerdown = event => {
    event.preventDefault();
    window.focus();
    screen.setPointerCapture(event.pointerId);
    down = {at: at(event), x: event.clientX, y: event.clientY, since: event.timeStamp, held: 0};
  };
  const far = event => Math.hypot(event.clientX - down.x, event.clientY - down.y) > 12;
  screen.onpointermove = event => {
    if (down && !down.held && far(event)) down.held = event.timeStamp - down.since;
  };
  screen.onpointerup = event => {
    if (!down) return;
    const long = event.timeStamp - down.since > 500, start = down.at, end = at(event);
    const action = far(event) ? `${down.held > 500 ? "drag" : "swipe"}(${start}, ${end})`
      : `${long ? "long_press" : "tap"}(${start})`;
    down = null;
    act(action);
  };
  screen.onwheel = event => act(event.deltaY > 0 ? "scroll(down)" : "scroll(up)");
  window.onkeydown = event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.id === "answer") return;
    clearTimeout(timer);
    if (event.key.length === 1) words += event.key;
    else if (event.key === "Backspace" && words) words = words.slice(0, -1);
    else if (event.key === "Enter" && words) return send(say("submit", words));
    else if (keys[event.key]) act(keys[event.key]);
    else return;
    event.preventDefault();
    typed.textContent = words;
    if (words) timer = setTimeout(() => send(say("type", words)), 700);
  };
  const answer = document.getElementById("answer");
  if (answer) answer.onkeydown = event => {
    if (event.key === "Enter") { event.preventDefault(); act(say("answer", answer.value)); }
  };
  for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => act(button.dataset.do);
  window.focus();
  if (later) send(later);
})();
"""
"""What runs in the page; `vlgym-play` lets the browser run this text and no other."""

_BUTTONS = (("Back", "press(back)"), ("Home", "press(home)"), ("Recent apps", "press(recents)"), ("Wait", "wait"))
_ENDS = (("Done", "done"), ("Impossible", "impossible"))
_STYLE = """
body{margin:0;height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:10px;
 background:#e7eaf0;font:14px/1.4 system-ui,"Liberation Sans",Arial,sans-serif;color:#1b2430}
#screen{max-height:calc(100vh - 110px);max-width:96vw;border-radius:18px;box-shadow:0 4px 18px #0004;cursor:pointer;
 touch-action:none;user-select:none}
div{display:flex;gap:6px;flex-wrap:wrap;justify-content:center}
button,input{font:inherit;padding:6px 12px;border:1px solid #b9c3cf;border-radius:8px;background:#fff}
button{font-weight:600;cursor:pointer}
#typed{min-height:1.4em}
"""


def play_html(env: AndroidEnv) -> str:
    """Return the phone as a page, its picture inside."""
    from vlgym.play import png

    picture = base64.b64encode(png(env.backend.screenshot(*SIZE))).decode()
    buttons = [(label, action) for label, action in (*_BUTTONS, *_ENDS) if action != "done" or not env.asks]
    row = "".join(f'<button type="button" data-do="{action}">{label}</button>' for label, action in buttons)
    answer = '<input id="answer" placeholder="Answer, then Enter" autocomplete="off">' if env.asks else ""
    label = escape(", ".join(item.label for item in env.elements.touchables)[:400], quote=True)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Phone</title>'
        f"<style>{_STYLE}</style></head><body>"
        f'<img id="screen" draggable="false" alt="The phone shows: {label}" src="data:image/png;base64,{picture}">'
        '<output id="typed" aria-live="polite"></output>'
        f'<form id="act" method="post" action="act" target="_top"><input type="hidden" id="do" name="action"></form>'
        f"<div>{row}{answer}</div><script>{SCRIPT}</script></body></html>"
    )
