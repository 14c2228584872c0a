"""A model behind an OpenAI-compatible HTTP interface (vLLM, llama.cpp, SGLang, hosted ones), by the standard library.

The instruction and the action grammar open the conversation; every observation is a user message, its image a PNG data
URL; the model's answers stand between. The action is the last line of an answer that the environment's grammar can
parse, so a model may think aloud first.

Source: the interface `POST {base}/chat/completions` of OpenAI's API reference; the prompt is ours.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vlgym.core.env import Observation
from vlgym.core.errors import ActionError
from vlgym.rollout.episode import Act, Move, PolicyError, Request

KEY = "OPENAI_API_KEY"
"""Environment variable of the key; it is sent where it is set."""

RETRIED = (408, 409, 425, 429, 500, 502, 503, 504)
MAX_PAUSE_S = 30.0
MAX_ANSWER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """How to ask.

    Attributes:
        model: name of the model on the server.
        temperature: of the sampling.
        max_tokens: most tokens of an answer.
        history: earlier turns that stay in the conversation; their images are left out.
        timeout: seconds one request may take.
        retries: new attempts after no answer, a busy server (429) or a broken one (5xx).
    """

    model: str = ""
    temperature: float = 0.0
    max_tokens: int = 512
    history: int = 8
    timeout: float = 60.0
    retries: int = 4

    @property
    def patience(self) -> float:
        """Most seconds one action may take, with every retry."""
        return (self.retries + 1) * (self.timeout + MAX_PAUSE_S)


class Endpoint:
    """A policy that asks a server.

    Args:
        base: address up to and without "/chat/completions", for example "http://localhost:8000/v1".
        options: how to ask.
        env: the environment, for its grammar.
    """

    def __init__(self, base: str, options: EndpointOptions, env: Any) -> None:
        self.address, self.options = base.rstrip("/") + "/chat/completions", options
        self.grammar, self.help = env.unwrapped.grammar, env.unwrapped.action_help

    def play(self, request: Request) -> Act:
        """Return the policy of one episode: its conversation is its own."""
        past: list[dict[str, Any]] = []

        def act(observation: Observation, info: Mapping[str, Any]) -> Move:
            opening = {"role": "system", "content": self._opening(observation)}
            shown = past[-2 * self.options.history :] if self.options.history else []
            words = self._ask([opening, *shown, _message(observation, info, with_image=True)], request.seed)
            past.append(_message(observation, info, with_image=False))
            past.append({"role": "assistant", "content": words})
            return Move(self._action(words), words)

        return act

    def _opening(self, observation: Observation) -> str:
        return (
            f"You act in an environment, one action at a time. Your task: {observation.get('instruction', '')}\n"
            f"Actions: {self.help}\nThink briefly if you must; the last line of every answer is one action alone."
        )

    def _action(self, words: str) -> str:
        """Return the last line that parses, else the last line, so that the environment says what is wrong with it."""
        lines = [line.strip().strip("`").strip() for line in words.splitlines()]
        lines = [line for line in lines if line]
        for line in reversed(lines):
            for text in (line, line.partition(":")[2].strip()):  # "Action: click[buy now]"
                try:
                    self.grammar.parse(text)
                except ActionError:
                    continue
                return text
        return lines[-1] if lines else ""

    def _ask(self, messages: list[dict[str, Any]], seed: int) -> str:
        """Return the model's answer.

        Raises:
            PolicyError: the server refuses the request, or gives no answer in `retries` + 1 attempts.
        """
        o = self.options
        body = {"model": o.model, "messages": messages, "max_tokens": o.max_tokens, "temperature": o.temperature}
        data = json.dumps({**body, "seed": seed}).encode()
        problem = ""
        for attempt in range(o.retries + 1):
            pause = min(0.5 * 2**attempt, MAX_PAUSE_S)
            try:
                return _content(self._post(data))
            except urllib.error.HTTPError as error:
                detail = " ".join(error.read(2000).decode("utf-8", "replace").split())[:300]
                problem = f"HTTP {error.code} {detail}".strip()
                if error.code not in RETRIED:
                    raise PolicyError(f"{self.address} refuses the request: {problem}") from error
                pause = _retry_after(error.headers.get("Retry-After"), pause)
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = str(getattr(error, "reason", "") or error or type(error).__name__)
            if attempt < o.retries:
                time.sleep(pause)
        raise PolicyError(
            f"{self.address} gave no answer in {o.retries + 1} attempts; the last said: {problem}. Check that the "
            f"server runs and that --model names one of its models."
        )

    def _post(self, data: bytes) -> Any:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.address, data, headers)
        with urllib.request.urlopen(request, timeout=self.options.timeout) as answer:
            return json.loads(answer.read(MAX_ANSWER_BYTES))


def _message(observation: Observation, info: Mapping[str, Any], *, with_image: bool) -> dict[str, Any]:
    text = str(observation.get("text", "")) or "The screen:"
    if info.get("error"):
        text = f"Your last action was refused: {info['error']}\n\n{text}"
    image = observation.get("image")
    if not with_image or not isinstance(image, np.ndarray):
        return {"role": "user", "content": text}
    from vlgym.play import png

    url = "data:image/png;base64," + base64.b64encode(png(image)).decode("ascii")
    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return {"role": "user", "content": parts}


def _content(answer: Any) -> str:
    """Return the text of a completion; raises ValueError for anything else."""
    try:
        content = answer["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise ValueError(f"the answer is no chat completion: {json.dumps(answer)[:200]}") from None
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")


def _retry_after(header: str | None, otherwise: float) -> float:
    try:
        return min(max(float(header or ""), 0.0), MAX_PAUSE_S)
    except ValueError:
        return otherwise
