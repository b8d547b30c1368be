"""Runs each test of a test program in a process of its own: cargo's `runner`, as run.sh sets it.

Most of these tests wait, for leases that end and for servers. So there are several at once for each
processor, and more of them while the processors are idle.

`TEST_PUBSUB_EMULATOR_HOST` and its like may hold several addresses with spaces between them: each
test gets one of each, always the one with the fewest tests at that moment.

The times of a run are kept in KAKEHI_TEST_TIMES, and the next run begins with the slowest. The first run
on a machine goes by `times.json` beside this file, which holds the slowest of some earlier run.
"""

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Of these, and of filters, a test program is told here; with any other flag it runs by itself.
FLAGS = {"--exact", "--nocapture", "--no-capture", "--show-output"}
SERVERS = ["TEST_PUBSUB_EMULATOR_HOST", "TEST_MONGODB_URI", "TEST_SQS_ENDPOINT", "TEST_S3_ENDPOINT",
           "TEST_REDIS_HOST", "TEST_MARIADB_HOST", "TEST_POSTGRES_HOST", "TEST_WEBDRIVER_HOST"]  # fmt: skip

CORES = os.cpu_count() or 1
MOST = int(os.environ.get("RUST_TEST_THREADS") or 12 * CORES)
LEAST = min(4 * CORES, MOST)
# What share of the processors' time was idle in the last so many seconds: from the first on there is
# room for one more test, and below the second there were too many.
IDLE, BUSY, MOMENT = 0.08, 0.03, 0.25
# So many are told of at the end that took longest, and that used the processors most.
SLOWEST = 10
# So many seconds a test is taken for that never ran.
UNKNOWN = 10
SLOW = Path(__file__).with_name("times.json")


class Processors:
    """Tells how idle the processors were since it was asked last."""

    def __init__(self):
        self.idle, self.all = self.ticks()

    @staticmethod
    def ticks():
        fields = [int(it) for it in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return fields[3] + fields[4], sum(fields)

    def idleness(self):
        idle, total = self.ticks()
        share = (idle - self.idle) / max(total - self.all, 1)
        self.idle, self.all = idle, total
        return share


class Test:
    """A test that runs."""

    def __init__(self, program, name, flags, slot):
        self.name, self.slot, self.began = name, slot, time.monotonic()
        self.output = tempfile.TemporaryFile()
        command = [program, name, *flags, "--exact"]
        self.process = subprocess.Popen(
            command, env=environment(slot), stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def has_ended(self):
        process, status, used = os.wait4(self.process.pid, os.WNOHANG)
        if not process:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - self.began
        # With all that it started and waited for; servers that are there before are not among these.
        self.cpu = used.ru_utime + used.ru_stime
        self.passed = self.process.returncode == 0
        return True

    def said(self):
        with self.output:
            self.output.seek(0)
            return self.output.read().decode(errors="replace")


class Children:
    """Wakes whoever waits when a child has ended, or a moment has passed."""

    def __init__(self):
        self.woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def wait(self):
        if select.select([self.woken], [], [], MOMENT)[0]:
            os.read(self.woken, 1 << 12)


def environment(slot):
    """Ours, with one server of each kind."""
    ours = dict(os.environ)
    for name in SERVERS:
        if ours.get(name):
            addresses = ours[name].split()
            ours[name] = addresses[slot % len(addresses)]
    return ours


def freest_slot(running):
    """The one with the fewest tests, of as many as there are servers of the kind with the most."""
    slots = max(len(os.environ.get(name, "").split()) for name in SERVERS) or 1
    taken = [it.slot for it in running]
    return min(range(slots), key=taken.count)


def run(program, flags, names):
    """Runs them all, as many at once as the processors have room for; tells of each."""
    waiting, running, done = list(reversed(names)), [], []
    children, processors, since, room = Children(), Processors(), time.monotonic(), LEAST
    while waiting or running:
        if time.monotonic() - since >= MOMENT:
            idleness, since = processors.idleness(), time.monotonic()
            if idleness >= IDLE:
                room = min(max(room, len(running)) + 1, MOST)
            elif idleness < BUSY:
                room = LEAST
        while waiting and len(running) < room:
            running.append(Test(program, waiting.pop(), flags, freest_slot(running)))
        for test in [it for it in running if it.has_ended()]:
            running.remove(test)
            done.append(test)
            verdict = "ok" if test.passed else "FAILED"
            print(f"test {test.name} ... {verdict} ({test.seconds:.1f} s)", flush=True)
            said = test.said()
            if not test.passed:
                print(said, flush=True)
        children.wait()
    return done


def tell(done, seconds):
    """Tells what failed and which were the slowest; gives the exit code."""
    failed = [it for it in done if not it.passed]
    print(f"\nthe {SLOWEST} slowest tests:")
    for test in sorted(done, key=lambda it: -it.seconds)[:SLOWEST]:
        print(f"  {test.seconds:6.1f} s  {test.name}")
    print(f"\nthe {SLOWEST} that used the processors most, of {sum(it.cpu for it in done):.0f} s:")
    for test in sorted(done, key=lambda it: -it.cpu)[:SLOWEST]:
        print(f"  {test.cpu:6.1f} s  {test.name}")
    if failed:
        print("\nfailures:", *(it.name for it in failed), sep="\n    ")
    verdict = "FAILED" if failed else "ok"
    print(f"\ntest result: {verdict}. {len(done) - len(failed)} passed; {len(failed)} failed; "
          f"finished in {seconds:.1f} s", flush=True)  # fmt: skip
    return 101 if failed else 0


def in_turns(names):
    """One of each module, then the next of each: what is slow lies together."""
    modules = {}
    for name in names:
        modules.setdefault(name.rpartition("::")[0], []).append(name)
    rounds = itertools.zip_longest(*modules.values())
    return [name for one_of_each in rounds for name in one_of_each if name]


def slowest_first(names, times):
    return sorted(in_turns(names), key=lambda name: -times.get(name, UNKNOWN))


def main():
    # A shell that starts us in the background, or `nohup`, has us ignore these signals, and the
    # programs under test with us.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    program, *args = sys.argv[1:]
    others = [it for it in args if it.startswith("-") and it not in FLAGS]
    if others or not Path(program).name.startswith("it-"):
        os.execv(program, [program, *args])
    listed = subprocess.run([program, *args, "--list"], capture_output=True, text=True, check=True)
    names = [it.removesuffix(": test") for it in listed.stdout.splitlines() if it.endswith(": test")]
    file = os.environ.get("KAKEHI_TEST_TIMES")
    file = Path(file) if file else None
    known = file if file and file.exists() else SLOW
    times = json.loads(known.read_text())
    names = slowest_first(names, times)
    print(f"\nrunning {len(names)} tests, each in a process, at most {MOST} at once", flush=True)
    began = time.monotonic()
    flags = [it for it in args if it in FLAGS and it != "--exact"]
    done = run(program, flags, names)
    if file:
        times.update((it.name, round(it.seconds, 1)) for it in done)
        file.write_text(json.dumps(times, indent=0))
    sys.exit(tell(done, time.monotonic() - began))


if __name__ == "__main__":
    main()
