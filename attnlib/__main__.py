"""The command line: `python -m attnlib models` lists the models that come with the project."""

import argparse

from attnlib.sources import DEMO_FOLDER, demo_models, read_config


def main(arguments: list[str] | None = None) -> None:
    """Run one command; argparse explains wrong ones and exits with status 2."""
    parser = argparse.ArgumentParser(prog="python -m attnlib", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("models", help="list the demo models")
    parser.parse_args(arguments)
    for name in demo_models():
        print(f"{name:22} {_describe(read_config(DEMO_FOLDER / name.removeprefix('demo/')))}")


def _describe(config: dict) -> str:
    layers = config.get("n_layer") or config.get("num_hidden_layers")
    heads = config.get("n_head") or config.get("num_attention_heads")
    return f"{config['model_type']}, {layers} layers x {heads} heads"


if __name__ == "__main__":
    main()
