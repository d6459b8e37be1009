"""Asks hawkey (Debian's python3-hawkey) why goals have no solution.

usage: problems.py primary.xml repomd.xml < goals > answers

Goals are as for oracle.py. The answer is a line of JSON: a list of problems,
each a list of sentences; it is empty if the goal has a solution, and null if
something that it asks for does not exist.
"""
import json
import os
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

import hawkey


def load(primary, repomd):
    with tempfile.TemporaryDirectory() as cache:
        sack = hawkey.Sack(cachedir=cache, arch="x86_64")
        repo = hawkey.Repo("repo")
        repo.primary_fn, repo.repomd_fn = primary, repomd
        sack.load_repo(repo)
    return sack


def solve(sack, goal):
    g = hawkey.Goal(sack)
    optional = len(goal["group"])
    for i, requirement in enumerate([[name] for name in goal["group"]] + goal["requires"]):
        selector = hawkey.Selector(sack).set(provides=" ".join(requirement))
        # dnf leaves it to the solver whether a boolean BuildRequires can be met.
        boolean = i >= optional and requirement[0].startswith("(")
        if boolean or selector.matches():
            g.install(select=selector)
        elif i >= optional:
            return None
    if g.run(ignore_weak_deps=not goal["weak"]):
        return []
    return [list(problem) for problem in g.problem_rules()]


def main():
    sack = load(*sys.argv[1:])
    for line in sys.stdin:
        goal = json.loads(line)
        child = os.fork()
        if child == 0:
            print(json.dumps(solve(sack, goal)), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


main()
