"""The training loop. It knows no method and no environment by name: a Recipe brings the parts, the pool the world.

Run folder (everything a person or the report reads; written as the run goes):

    config.json          {"format": 1, "created": ISO time, "command": [argv], "versions": {package: version},
                          "options": {"algo.clip_high": value, ...}, "sources": {"algo.clip_high": "flag", ...}}
    metrics.jsonl        one flat JSON object per training step; keys in METRICS below, further ones come from the method
    eval.jsonl           one line per evaluation, in order; the object of eval_<name>.json without "tasks"
    eval_before.json     evaluation before training; eval_after.json: after; eval_step-000050.json: on the way
    episodes/NAME.json   a sampled episode; NAME is "train-000010-g003-m00" (step, group, member) or "before-0007"
    episodes/NAME-tNN.png  screenshot before action NN (only where the environment shows images)
    tb/                  TensorBoard events (tags are "train/<metric>", "eval/<name>")
    checkpoints/step-NNNNNN/  see checkpoint.py
    report.html          written at the end by report.write_report

An evaluation object:

    {"name": "before", "step": 0, "split": "test", "decoding": "sampled", "episodes": 200, "env_errors": 0,
     "success": {"value": 0.31, "low": 0.25, "high": 0.38, "interval": "Wilson 95%"},
     "score":   {"value": 0.52, "low": 0.48, "high": 0.56, "interval": "bootstrap 95%"},
     "return":  {"value": ..., "low": ..., "high": ..., "interval": "bootstrap 95%"},
     "turns": 5.1, "tokens_per_turn": 7.0, "invalid": 0.02, "seconds": 41.0, "observation_hash": "hex",
     "tasks": [{"task": id, "seed": 7, "success": true, "score": 1.0, "turns": 4}, ...]}

An episode object (`value` null without a critic, `image` null without a screenshot, `text`/`instruction` null where
the observation has no such key; `info` holds the light part of the environment's info after the step):

    {"name": NAME, "kind": "train" | "before" | "after" | "step-000050", "step": 10, "task": id, "seed": 7,
     "group": 3, "member": 0, "instruction": str, "success": bool, "score": 0.5, "return": 0.5,
     "return_parts": {"env": 0.5, "format": 0.0}, "advantage": 0.87 | null, "env_error": "", "replayed": false,
     "turns": [{"image": "NAME-t00.png" | null, "text": str | null, "instruction": str | null,
                "words": "the model's text", "action": "click[buy now]", "tokens": 5, "logprob": -1.2, "value": null,
                "reward": 0.0, "terminated": false, "truncated": false, "action_valid": true, "error": "",
                "info": {...}}]}
"""

from __future__ import annotations

METRICS: dict[str, str] = {
    "step": "optimiser batches done",
    "success": "share of fresh episodes that solved their task",
    "return": "mean return of fresh episodes",
    "score": "mean score of fresh episodes, in [0, 1]",
    "turns": "mean turns of an episode",
    "tokens_per_turn": "mean sampled tokens of a response",
    "invalid": "share of turns whose action the environment refused",
    "unparsable": "share of turns from whose words no action could be read",
    "truncated": "share of episodes cut by a step limit",
    "env_errors": "attempts lost to failures of the machinery (excluded from everything else)",
    "groups": "groups collected",
    "zero_gradient_groups": "share of groups whose members all have the same return",
    "all_fail_groups": "share of groups without a success",
    "all_success_groups": "share of groups with successes only",
    "group_return_std": "mean standard deviation of returns inside a group",
    "replayed": "share of trained episodes that come from a store",
    "env_steps": "environment steps so far, evaluation excluded",
    "tokens": "sampled tokens so far, evaluation excluded",
    "optimiser_steps": "optimiser steps of this batch",
    "loss": "loss of the batch",
    "grad_norm": "gradient norm before clipping",
    "lr": "learning rate",
    "entropy": "mean entropy of the processed distribution at sampled tokens (nats)",
    "kl": "mean k3 estimate of the divergence from the reference, where there is one (nats)",
    "clip_low": "share of tokens clipped below",
    "clip_high": "share of tokens clipped above",
    "ratio_mean": "mean importance ratio",
    "ratio_max": "largest importance ratio",
    "logprob_gap": "mean |sampler - trainer log-prob| before the first update of the batch",
    "logprob_gap_max": "largest such gap",
    "trained_tokens": "tokens with non-zero weight and advantage in the batch",
    "rollout_s": "wall seconds of collecting",
    "update_s": "wall seconds of learning",
    "seconds": "wall seconds of the step",
    "cpu_s": "CPU seconds of the step, workers excluded",
    "tokens_per_s": "sampled tokens per wall second of collecting",
    "episodes_per_s": "episodes per wall second of collecting",
}
