"""Runs a command on a terminal of its own and types answers to its questions.

    on_terminal.py QUESTION=ANSWER... -- COMMAND...

The questions have to come in this order; a question is anything that contains the text before the first `=`. Prints what the
command shows on the terminal, and ends with its exit code.
"""

import os
import pty
import select
import sys
import termios
import time

LIMIT = 60  # seconds until a question has to be asked


def main() -> int:
    split = sys.argv.index("--")
    questions = [word.partition("=")[::2] for word in sys.argv[1:split]]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[split + 1], sys.argv[split + 1 :])
    shown = answered = 0
    screen = b""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the end, on Linux
            data = b""
        if not data:
            break
        screen += data
        if answered < len(questions) and questions[answered][0].encode() in screen[shown:]:
            shown = len(screen)
            # Who types before the echo is off shows it to everybody.
            while termios.tcgetattr(terminal)[3] & termios.ECHO and time.monotonic() < deadline:
                time.sleep(0.005)
            os.write(terminal, questions[answered][1].encode() + b"\r")
            answered += 1
            deadline = time.monotonic() + LIMIT
    sys.stdout.buffer.write(screen)
    sys.stdout.flush()
    if answered < len(questions):
        print(f"never asked: {questions[answered][0]}")
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) if answered == len(questions) else 99


sys.exit(main())
