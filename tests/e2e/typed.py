"""Types at a terminal: typed.py 'QUESTION=ANSWER' ... -- COMMAND...

Answers each question that stands at the end of what the command has written, a secret ("+QUESTION")
only once the terminal does not echo; the exit code is the command's. An unanswered question ends it
after 30 seconds, with 99.
"""
import os
import pty
import re
import select
import sys
import termios
import time

split = sys.argv.index("--")
answers = [a.split("=", 1) for a in sys.argv[1:split]]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
seen = b""


def wait_for_no_echo():
    for _ in range(1000):
        if not termios.tcgetattr(fd)[3] & termios.ECHO:
            return
        time.sleep(0.01)


while True:
    if not select.select([fd], [], [], 30)[0]:
        os.kill(pid, 9)
        print(seen.decode(errors="replace"))
        sys.exit(99)
    try:
        got = os.read(fd, 65536)
    except OSError:
        got = b""
    if not got:
        break
    seen += got
    last = seen.rsplit(b"\n", 1)[-1].decode(errors="replace")
    for question, answer in answers:
        if re.search(question.lstrip("+") + r"[^\n]*[:?] ?$", last):
            if question.startswith("+"):
                wait_for_no_echo()
            os.write(fd, answer.encode() + b"\n")
            seen += b"\n"
            break
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
