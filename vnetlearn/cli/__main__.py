"""`vnetlearn`: what can be done from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import BadParameter, VnetlearnError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit status. Errors go to standard error in a learner's words."""
    options = _parser().parse_args(argv)
    try:
        return int(options.go(options) or 0)
    except VnetlearnError as error:
        print(f"vnetlearn: {type(error).__name__}:{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vnetlearn", description="Learn Linux virtual networking on a real kernel.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    doctor = commands.add_parser("doctor", help="what this machine can do, what is missing, and the command that helps")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument("--probe", action="store_true", help="ask again whether KVM works, by booting a guest on it")
    doctor.set_defaults(go=_doctor)

    kinds = commands.add_parser("kinds", help="which device types each engine creates, found by creating them")
    kinds.add_argument("--json", action="store_true", help="a list of {kind, host, vm, why}")
    kinds.set_defaults(go=_kinds)

    run = commands.add_parser("run", help="run a shell script in a fresh lab; its exit status is ours")
    run.add_argument("file", metavar="FILE", help="a script, or - for standard input")
    _lab_options(run)
    run.set_defaults(go=_run)

    shell = commands.add_parser("shell", help="a terminal in a fresh lab")
    shell.add_argument("node", nargs="?", default="", metavar="NODE", help="a namespace; the lab's first by default")
    _lab_options(shell)
    shell.set_defaults(go=_shell)

    draw = commands.add_parser("draw", help="the picture of a lab's world, or of this computer's own network")
    draw.add_argument("--host", action="store_true", help="this computer's own namespaces, which are only looked at")
    draw.add_argument(
        "--save", metavar="FILE", type=Path, help="the name's ending tells the format: svg, png, pdf, json, dot, sh"
    )
    draw.add_argument("--focus", metavar="NAME", help="only this namespace or link, and what hangs on it")
    draw.add_argument("--layers", metavar="LAYER", nargs="+", help="one or more of physical, l2, l3")
    draw.add_argument("--stats", action="store_true", help="with counters")
    draw.add_argument("--theme", choices=("light", "dark"))
    _lab_options(draw)
    draw.set_defaults(go=_draw)

    compare = commands.add_parser("compare", help="two kinds side by side, by experiment")
    compare.add_argument("kinds", nargs=2, metavar="KIND", help="macvlan ipvlan")
    compare.add_argument("--json", action="store_true", help="for programs")
    compare.add_argument("--save", metavar="DIR", type=Path, help="write the pictures and the results into a folder")
    compare.add_argument("--engine", choices=("host", "vm"))
    compare.set_defaults(go=_compare)

    exercise = commands.add_parser("exercise", help="an exercise in a terminal, checked by the kernel")
    exercise.add_argument("name", metavar="NAME", help="as in start/first-cable; vnetlearn progress lists them")
    exercise.add_argument("--engine", choices=("host", "vm"), help="by default the first one that has all kinds")
    exercise.set_defaults(go=_exercise)

    progress = commands.add_parser("progress", help="which exercises you have done, from a file on this computer alone")
    progress.add_argument("--json", action="store_true", help="for programs")
    progress.set_defaults(go=_progress)

    image = commands.add_parser("image", help="the guest image of the vm engine")
    image.add_argument("what", choices=("build", "info"), help="build what is missing; or tell what there is")
    image.add_argument("--force", action="store_true", help="build it again")
    image.set_defaults(go=_image)
    return parser


def _lab_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", choices=("host", "vm"), help="by default the first one that has all kinds")
    parser.add_argument("--world", default="host", help="host (the default), two-hosts or empty")


def _doctor(options: argparse.Namespace) -> int:
    from . import doctor

    return doctor.main(as_json=options.json, probe=options.probe)


def _kinds(options: argparse.Namespace) -> int:
    from ..display.table import text_table
    from ..lab import trial

    rows = trial.table()
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        words = {True: "yes", False: "no"}
        cells = [[str(r["kind"]), words[bool(r["host"])], words[bool(r["vm"])], str(r["why"])] for r in rows]
        print(text_table(("kind", "host", "vm", "why not"), cells))
    return 0


def _run(options: argparse.Namespace) -> int:
    from ..lab.lab import Lab

    if options.file == "-":
        script = sys.stdin.read()
    else:
        try:
            script = Path(options.file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BadParameter(
                f"vnetlearn run {options.file}",
                str(error),
                "the script cannot be read",
                "give the path of a shell script, or - to read it from standard input",
            ) from None
    with Lab(options.world, engine=options.engine) as lab:
        return lab.run(script).status


def _shell(options: argparse.Namespace) -> int:
    from ..lab.lab import Lab
    from .terminal import shell

    with Lab(options.world, engine=options.engine) as lab:
        print(f"{lab!r}\nThe lab ends with this shell: exit or Ctrl-D.")
        return shell(lab.node(options.node))


def _draw(options: argparse.Namespace) -> int:
    """The picture goes to the file, and in words to standard output."""
    from ..lab.lab import Lab
    from ..topology import computer

    if options.host:
        seen = computer.topology(stats=options.stats)
    else:
        with Lab(options.world, engine=options.engine) as lab:
            seen = lab.topology(stats=options.stats)
    focus, layers, stats, theme = options.focus, options.layers, options.stats, options.theme
    print(seen.draw(focus=focus, layers=layers, stats=stats, theme=theme).text)
    if options.save:
        print(seen.save(options.save, focus=focus, layers=layers, stats=stats, theme=theme), file=sys.stderr)
    else:
        print("the picture: vnetlearn draw … --save FILE.svg", file=sys.stderr)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from ..experiments.comparison import compare

    result = compare(*options.kinds, engine=options.engine, progress=lambda text: print(text, file=sys.stderr))
    print(json.dumps(result.as_dict(), indent=1) if options.json else result)
    if options.save:
        for file in result.save(options.save):
            print(file, file=sys.stderr)
    return 0


def _exercise(options: argparse.Namespace) -> int:
    from ..exercises import exercise
    from .practise import practise

    with exercise(options.name, engine=options.engine) as attempt:
        return practise(attempt)


def _progress(options: argparse.Namespace) -> int:
    from ..exercises import report

    print(json.dumps(report.as_dict(), indent=1) if options.json else report.text())
    return 0


def _image(options: argparse.Namespace) -> int:
    from ..engine.guest import image

    if options.what == "build":
        image.build(lambda text: print(f"vnetlearn: {text}", file=sys.stderr, flush=True), force=options.force)
    print(json.dumps(image.info(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
