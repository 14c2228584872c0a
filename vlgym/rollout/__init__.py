"""`vlgym-rollout`: episodes of any policy on any environment, one JSON line each; needs no torch.

episode.py   one episode: what is asked for, how it is played, what is kept of it
policies.py  who plays: scripted policies, folders of other packages, an endpoint
endpoint.py  a model behind an OpenAI-compatible HTTP interface
workers.py   processes that play episodes, replaced when they die
page.py      the HTML report
cli.py       the command
"""
