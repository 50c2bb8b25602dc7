"""``python -m benchmarks``: starts servers, measures them in turns, prints a table of ratios."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence

from benchmarks import calls, contestants, measuring, ratios, tables, trees
from benchmarks.contestants import OFFICIAL, OURS, REUSED, Contestant
from benchmarks.databases import DATABASES
from tests.support.official_library import plugins


def main() -> None:
    """Runs what the command line asks for."""
    arguments = _parser().parse_args()
    names = arguments.only or (OFFICIAL, REUSED, OURS)
    on_mysql = arguments.database == "mysql"
    if on_mysql and plugins() is None and {OFFICIAL, REUSED} & set(names):
        raise SystemExit("The official library needs a plugin to reach MySQL 9. Type: apt-get install libmariadb3")
    fast_driver = on_mysql and trees.can_build_mysqlclient()
    chosen = [one for one in _contestants(fast_driver=fast_driver) if one.name in names]
    control = ""
    if arguments.against:
        tree = trees.of_commit(arguments.against, fast_driver=fast_driver)
        control = f"{arguments.against}, again"
        chosen += [contestants.ours(tree, arguments.against), contestants.ours(tree, control)]

    def enough(rates: Mapping[str, Sequence[float]]) -> bool:
        if control and not ratios.enough_turns(ratios.ratios(rates[control], rates[arguments.against])):
            return False
        return all(len(turns) >= arguments.rounds for turns in rates.values())

    with DATABASES[arguments.database]() as places:
        rates = measuring.compare(places, chosen, arguments.rows, arguments.seconds, enough)
    command = f'make bench ARGS="{shlex.join(sys.argv[1:])}"' if sys.argv[1:] else "make bench"
    driver = "mysqlclient" if fast_driver else "PyMySQL"
    print(f"\n{tables.title(command, arguments.database, driver)}\n")
    print("\n".join(tables.rates(rates, arguments.rows, goals=on_mysql)))
    if control and OURS in rates:
        print("\n" + "\n".join(tables.verdicts(rates, arguments.rows, arguments.against, control)))


def _contestants(*, fast_driver: bool) -> list[Contestant]:
    return [
        contestants.official(reused=False),
        contestants.official(reused=True),
        contestants.ours(trees.this_checkout(fast_driver=fast_driver)),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--database", choices=DATABASES, default="mysql", help="where the data is (default: mysql)")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a turn takes (default: 4)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each row, at least (default: 5)")
    parser.add_argument(
        "--only", nargs="+", choices=[OFFICIAL, REUSED, OURS], help="measure these servers alone (default: all)"
    )
    parser.add_argument("--rows", nargs="+", choices=calls.ROWS, default=calls.ROWS, help="calls (default: all)")
    parser.add_argument(
        "--against",
        metavar="REF",
        help="also measure the server of this commit, twice, and say whether ours is as fast: in as many turns, "
        f"{ratios.FEWEST_TURNS} to {ratios.MOST_TURNS}, as it takes to find it as fast as itself",
    )
    return parser


if __name__ == "__main__":
    main()
