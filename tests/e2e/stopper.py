# Stops (SIGSTOP) the process that a server has service given next, and prints its id: SERVER LAST,
# where LAST is the id of the one before it, 0 when there was none.
import os, signal, sys, time
server, last = int(sys.argv[1]), sys.argv[2]
until = time.monotonic() + 60
os.kill(server, signal.SIGCONT) # it may wait for this
def children():
    return open('/proc/%d/task/%d/children' % (server, server)).read().split()
while os.path.exists('/proc/' + last) and time.monotonic() < until:
    pass # the list of children may miss one for a moment
while time.monotonic() < until:
    new = children()
    if new:
        os.kill(int(new[0]), signal.SIGSTOP)
        print(new[0])
        break
