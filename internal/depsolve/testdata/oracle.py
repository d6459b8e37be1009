"""Asks libsolv (Debian's python3-solv) what it would install.

usage: oracle.py primary.xml... < goals > answers

A goal is a line of JSON: {"group": [...], "requires": [...], "weak": bool};
an entry of "requires" is [name] or [name, operator, evr]. The answer is a line:
"OK" and the packages, or "FAIL", separated by tabs. Every goal is answered by
a process of its own, because libsolv's answers can depend on earlier ones.
"""
import json
import os
import sys

import solv

OPS = {"<": solv.REL_LT, "<=": solv.REL_LT | solv.REL_EQ, "=": solv.REL_EQ,
       ">=": solv.REL_GT | solv.REL_EQ, ">": solv.REL_GT}


def load(paths):
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    pool.setarch("x86_64")
    # As in Fedora's libsolv: packages of 32 and of 64 bits can be there together.
    pool.set_flag(solv.Pool.POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1)
    for path in paths:
        pool.add_repo(path).add_rpmmd(solv.xfopen(path), None)
    pool.addfileprovides()
    pool.createwhatprovides()
    return pool


def dependency(pool, requirement):
    name = requirement[0]
    if name.startswith("("):
        return pool.parserpmrichdep(name)
    dep = pool.Dep(name)
    if len(requirement) > 1:
        dep = dep.Rel(OPS[requirement[1]], pool.Dep(requirement[2]))
    return dep


def solve(pool, goal):
    jobs = []
    optional = len(goal["group"])
    for i, requirement in enumerate([[name] for name in goal["group"]] + goal["requires"]):
        dep = dependency(pool, requirement)
        # dnf leaves it to the solver whether a boolean BuildRequires can be met.
        boolean = i >= optional and requirement[0].startswith("(")
        if boolean or pool.whatprovides(dep):
            jobs.append(pool.Job(solv.Job.SOLVER_INSTALL | solv.Job.SOLVER_SOLVABLE_PROVIDES, dep.id))
        elif i >= optional:
            return "FAIL\tno package found for " + " ".join(requirement)
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 0 if goal["weak"] else 1)
    solver.set_flag(solv.Solver.SOLVER_FLAG_BEST_OBEY_POLICY, 1)
    solver.set_flag(solv.Solver.SOLVER_FLAG_YUM_OBSOLETES, 1)
    problems = solver.solve(jobs)
    if problems:
        return "FAIL\t" + "\t".join(
            " | ".join(sorted({info.problemstr() for rule in p.findallproblemrules() for info in rule.allinfos()}))
            for p in problems)
    packages = sorted(long_name(s) for s in solver.transaction().newsolvables())
    return "OK\t" + " ".join(packages)


def long_name(s):
    evr = s.evr if ":" in s.evr else "0:" + s.evr
    return "%s-%s.%s" % (s.name, evr, s.arch)


def main():
    pool = load(sys.argv[1:])
    for line in sys.stdin:
        goal = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            print(solve(pool, goal), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


main()
