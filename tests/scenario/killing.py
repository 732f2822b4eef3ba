# SPDX-License-Identifier: Apache-2.0
"""What tests of killed programs have in common: a sandbox for each part, and a program that is run to
its end or killed (SIGKILL) again and again before."""
import abc
import pathlib
import subprocess
import time


class Sandbox:
    """With these options, for as long as the block lasts."""

    def __init__(self, program, folder, *options):
        self.kubeconfig = pathlib.Path(folder) / "kubeconfig"
        self.process = subprocess.Popen(
            [program, *options, "--kubeconfig", str(self.kubeconfig)],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("not ok killing: the sandbox did not start")
        self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Program(abc.ABC):
    """One that makes, removes or lists by its first word."""

    def __init__(self, test, program, spec, folder):
        self.test, self.program = test, program
        self.spec = pathlib.Path(folder) / "spec.yaml"
        self.spec.write_text(spec)

    @abc.abstractmethod
    def start(self, sandbox, verb):
        """The running process."""

    def finish(self, sandbox, verb):
        """Runs it to its end; what it said."""
        program = self.start(sandbox, verb)
        out, _ = program.communicate(timeout=180)
        if program.returncode:
            raise SystemExit(f"not ok {self.test}: {verb} failed:\n{out[-3000:]}")
        return out

    def lasts(self, sandbox, verb):
        """Runs it to its end; how many seconds that took."""
        began = time.monotonic()
        self.finish(sandbox, verb)
        return time.monotonic() - began

    def disturb(self, sandbox, verb, lasts, kills, chance):
        """Kills it so often, each time after a random part of what it lasts, and runs it to its end."""
        for _ in range(kills):
            program = self.start(sandbox, verb)
            time.sleep(chance.uniform(0, lasts))
            program.kill()
            program.communicate()
        return self.finish(sandbox, verb)

    def check(self, what, found, wanted):
        if found != wanted:
            raise SystemExit(f"not ok {self.test}: {what}: {found}, wanted {wanted}")
