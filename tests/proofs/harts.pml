/* SPDX-License-Identifier: MIT */
/*
 * Messages and signals between harts: which locks are taken and who is woken, as kernel/reach.c, lock.c,
 * ipc.c, notification.c, sched.c and arch/riscv/lane.c, run.c and trap.c do it, for all interleavings of three harts,
 * in memory that all see the same.
 *
 * A hart is a process. It has a thread, of its number, and maybe one of lower priority, which does nothing or
 * enters the kernel now and then. A hart that is idle, or in user mode with that one, goes on only by an
 * interrupt: a wake-up, or a message, that is lost leaves everybody waiting for ever, which spin finds.
 *
 * Not in it: contexts that are lent and capabilities in messages (they take all locks), the fast lanes of one
 * hart (they take no lock but the own one), faults and bound notifications.
 */

/*
 * proof harts_call: a caller and two servers at one endpoint, whose home goes from one to the other; two
 *   calls
 * options: -DFIRST=CALL -DSECOND=SERVE -DTHIRD=SERVE -DTURNS=2 -DENTRIES=1 -DPROGRAMS=1
 * planted BUG_STALE_HOME: the home that was read before the lock was taken is not asked again
 * planted BUG_LATE_AWAKE: `awake` is cleared when the hart leaves the kernel
 * planted BUG_LANE_LOOKS_ONCE: a lane does not look again when it has the other hart's lock
 * planted BUG_LANE_RINGS_NOBODY: a lane that let the other hart's lock go interrupts nobody
 * planted BUG_STAYS_CALLED: `called` is not cleared when the interrupt is taken
 */

/*
 * proof harts_callers: two callers, of which one waits in the queue, and a server; a call each
 * options: -DFIRST=CALL -DSECOND=SERVE -DTHIRD=CALL -DTURNS=1 -DENTRIES=1 -DPROGRAMS=2
 * planted BUG_ORDER: the own lock is taken first, whatever its number
 * planted BUG_NO_INTERRUPT: nobody is interrupted
 */

/*
 * proof harts_signal: two signals to a notification where two threads wait, whose home goes from one to the
 *   other
 * options: -DFIRST=SIGNAL -DSECOND=WAIT -DTHIRD=WAIT -DTURNS=2 -DENTRIES=0 -DPROGRAMS=2
 * planted BUG_FORGETS: a hart that becomes idle takes back an interrupt that has come already
 * planted BUG_TWICE: bits that a thread gets stay where they were
 * planted BUG_WAITER: who waits is made ready without the lock of his home
 */

/*
 * proof harts_evict: a call to a server that a third hart takes off its hart and changes meanwhile
 * options: -DFIRST=CALL -DSECOND=SERVE -DTHIRD=CONFIGURE -DTURNS=1 -DENTRIES=1 -DPROGRAMS=2
 * planted BUG_DEAF: a hart that waits for a lock does not let go of its thread
 * planted BUG_GONE: a thread that was taken off its hart makes its call all the same
 */

#define HARTS   3
#define NOBODY  7
#define ANY     8 /* lock_missing: all locks */
#define NOTHING 9

mtype = {READY, BLOCKED, ENDED, OWN, LOW, IDLE, CALL, SERVE, SIGNAL, WAIT, CONFIGURE, NONE};

/* Of a hart. */
byte lock[HARTS];      /* number of the hart that has it, plus one */
bool awake[HARTS], called[HARTS], evict[HARTS], interrupt[HARTS], reschedule[HARTS];
mtype current[HARTS] = IDLE;
bool has_low[HARTS];
/* Of its thread. */
mtype state[HARTS] = READY;
mtype op[HARTS] = NONE; /* the system call that it makes next, or is in */
byte word[HARTS];       /* of the message that it sends, or has got */
byte caller[HARTS] = NOBODY;
byte turns[HARTS];

/* The endpoint, or notification. */
byte home = NOBODY;
chan receivers = [HARTS] of {byte}; /* or who waits */
chan senders = [HARTS] of {byte};
byte bits, got;

byte finished; /* programs that have an end */
bool guarded = true, as_sent = true;

/* --- Locks: kernel/lock.c --- */

inline guarded_by(hart)
{
    guarded = (lock[hart] == me + 1);
    assert(guarded)
}

inline take(which)
{
    if
    :: atomic { lock[which] == 0 -> lock[which] = me + 1 }
    :: lock[which] != 0 ->
        awake[me] = true;
        do
        :: atomic { lock[which] == 0 -> lock[which] = me + 1; break }
#ifndef BUG_DEAF
        :: atomic { evict[me] -> evict[me] = false }
#endif
        od;
#ifndef BUG_LATE_AWAKE
        awake[me] = false
#endif
    fi
}

inline give_back(which)
{
    atomic {
        assert(lock[which] == me + 1);
        lock[which] = 0
    }
}

inline unlock()
{
    if
    :: has_all ->
        has_all = false;
        give_back(0);
        give_back(1);
        give_back(2)
    :: else ->
        if
        :: partner != NOBODY -> give_back(partner)
        :: else
        fi;
        partner = NOBODY;
        give_back(me)
    fi
}

inline lock_pair(other)
{
    unlock();
#ifndef BUG_ORDER
    if
    :: me < other -> take(me); take(other)
    :: else -> take(other); take(me)
    fi;
#else
    take(me);
    take(other);
#endif
    partner = other
}

inline lock_all()
{
    unlock();
    take(0);
    take(1);
    take(2);
    has_all = true
}

/* With the other hart's lock. */
inline hart_call(hart)
{
    if
    :: called[hart] || awake[hart]
    :: else ->
        called[hart] = true;
        if
        :: lane -> ring = hart
#ifndef BUG_NO_INTERRUPT
        :: !lane -> interrupt[hart] = true
#endif
        fi
    fi
}

inline hart_interrupts()
{
    atomic {
        interrupt[me] = false;
#ifndef BUG_STAYS_CALLED
        called[me] = false;
#endif
        reschedule[me] = true
    }
}

/* --- Which locks are needed: kernel/reach.c --- */

inline reach_hart(hart)
{
    if
    :: missing != NOTHING
    :: else ->
        if
        :: hart == me || (hart != NOBODY && hart == partner)
        :: else ->
            if
            :: partner != NOBODY || hart == NOBODY -> missing = ANY
            :: else -> missing = hart
            fi
        fi
    fi
}

/* Each looks at what `home` guards only when that is no longer missing. */
inline ask()
{
    missing = NOTHING;
    if
    :: op[me] == CONFIGURE -> missing = ANY
    :: op[me] == CALL || op[me] == SIGNAL ->
        reach_hart(home);
#ifndef BUG_WAITER
        if
        :: missing == NOTHING && nempty(receivers) -> receivers?<other>; reach_hart(other)
        :: missing != NOTHING || empty(receivers)
        fi
#endif
    :: op[me] == SERVE ->
        if
        :: caller[me] != NOBODY -> reach_hart(caller[me])
        :: else
        fi;
        reach_hart(home)
    :: op[me] == WAIT -> reach_hart(home)
    :: else
    fi
}

/* lock_for_thread(); `gone` when the thread was taken off the hart. */
inline lock_for_thread()
{
    attempt = 0;
    gone = false;
    do
    :: has_all || gone -> break
    :: else ->
       atomic { ask() };
       if
       :: missing == NOTHING -> break
       :: else
       fi;
       if
       :: missing != ANY && attempt < 3 -> lock_pair(missing)
       :: else -> lock_all()
       fi;
       attempt++;
#ifndef BUG_GONE
       gone = (current[me] != OWN);
#endif
#ifdef BUG_STALE_HOME
       break
#endif
    od
}

/* --- Who runs: kernel/sched.c --- */

/* make_ready(), with the lock of the thread's home. */
inline make_ready(thread)
{
    guarded_by(thread);
    state[thread] = READY;
    if
    :: current[thread] != OWN ->
        reschedule[thread] = (current[thread] != IDLE);
        if
        :: thread != me -> hart_call(thread)
        :: else
        fi
    :: else
    fi
}

inline schedule()
{
    atomic {
        guarded_by(me);
        if
        :: !reschedule[me] && current[me] == OWN && state[me] == READY
        :: else ->
            reschedule[me] = false;
            if
            :: state[me] == READY -> current[me] = OWN
            :: state[me] != READY && has_low[me] -> current[me] = LOW
            :: else -> current[me] = IDLE
            fi
        fi
    }
}

/* The thread on another hart is taken off it, changed, and made ready again (context_configure). */
inline configure(thread)
{
    if
    :: current[thread] == OWN ->
        evict[thread] = true;
        interrupt[thread] = true;
        !evict[thread];
        atomic {
            guarded_by(thread);
            current[thread] = IDLE;
            make_ready(thread)
        }
    :: else
    fi
}

/* --- System calls: kernel/ipc.c, notification.c --- */

/* What has no home yet is guarded by all locks. */
inline guarded_by_home()
{
    guarded = (home == NOBODY -> has_all : lock[home] == me + 1);
    assert(guarded)
}

inline block_on(queue)
{
    state[me] = BLOCKED;
    queue!me
}

inline block_receiver()
{
    if
    :: empty(receivers) -> home = me
    :: nempty(receivers)
    fi;
    block_on(receivers)
}

inline call()
{
    atomic {
        guarded_by_home();
        op[me] = NONE;
        if
        :: empty(receivers) ->
            home = (home == NOBODY -> me : home);
            block_on(senders)
        :: nempty(receivers) ->
            receivers?other;
            word[other] = word[me];
            caller[other] = me;
            state[me] = BLOCKED;
            make_ready(other)
        fi
    }
}

/* ipc_reply() and ipc_receive(). */
inline serve()
{
    atomic {
        if
        :: caller[me] != NOBODY ->
            other = caller[me];
            caller[me] = NOBODY;
            word[other] = word[me] + 1;
            make_ready(other)
        :: else
        fi
    };
    atomic {
        guarded_by_home();
        op[me] = NONE;
        if
        :: nempty(senders) ->
            senders?other;
            word[me] = word[other];
            caller[me] = other
        :: empty(senders) -> block_receiver()
        fi
    }
}

inline signal()
{
    atomic {
        guarded_by_home();
        op[me] = NONE;
        home = (home == NOBODY -> me : home);
        bits = bits | word[me];
        if
        :: nempty(receivers) ->
            receivers?other;
            word[other] = bits;
#ifndef BUG_TWICE
            bits = 0;
#endif
            make_ready(other)
        :: empty(receivers)
        fi
    }
}

inline wait()
{
    atomic {
        guarded_by_home();
        op[me] = NONE;
        if
        :: bits ->
            if
            :: empty(receivers) -> home = me
            :: nempty(receivers)
            fi;
            word[me] = bits;
            bits = 0
        :: else -> block_receiver()
        fi
    }
}

inline system_call()
{
    guarded = (current[me] == OWN);
    assert(guarded)
    if
    :: op[me] == CALL -> call()
    :: op[me] == SERVE -> serve()
    :: op[me] == SIGNAL -> signal()
    :: op[me] == WAIT -> wait()
    :: op[me] == CONFIGURE -> configure(1); op[me] = NONE
    :: op[me] == ENDED ->
        atomic {
            state[me] = ENDED;
            finished++
        }
    fi
}

/* --- Messages between two harts: kernel/arch/riscv/lane.c --- */

/* The other hart's lock is taken only if it is free, whatever its number. Its interrupt is sent when this
 * hart has no lock any more. */
inline try_lane()
{
    atomic {
        missing = NOTHING;
        if
        :: (op[me] == CALL || op[me] == SIGNAL) && home != NOBODY -> missing = home
        :: op[me] == SERVE && home == me && empty(receivers) && empty(senders) && caller[me] != NOBODY ->
            missing = caller[me]
        :: else
        fi
    };
    atomic {
        if
        :: missing != NOTHING && missing != me && lock[missing] == 0 ->
            lock[missing] = me + 1;
            partner = missing
        :: else
        fi
    };
    atomic {
        if
        :: partner != NOBODY ->
#ifndef BUG_LANE_LOOKS_ONCE
            lane = (op[me] == SERVE || (home == partner && receivers?[eval(partner)]));
#else
            lane = true;
#endif
            if
            :: lane -> system_call()
            :: else
            fi;
            give_back(partner);
            partner = NOBODY
        :: else
        fi;
        done = lane;
        lane = false
    }
}

/* --- Programs --- */

/* What the last call brought is looked at, and the next one chosen. */
inline go_on(program)
{
    if
    :: op[me] != NONE /* it was interrupted, and is made again */
    :: op[me] == NONE && program == CALL ->
        as_sent = (turns[me] == 0 || word[me] == 16 * me + turns[me] + 1);
        assert(as_sent);
        op[me] = (turns[me] == TURNS -> ENDED : CALL);
        turns[me]++;
        word[me] = 16 * me + turns[me]
    :: op[me] == NONE && program == SIGNAL ->
        op[me] = (turns[me] == TURNS -> ENDED : SIGNAL);
        word[me] = 1 << turns[me];
        turns[me]++
    :: op[me] == NONE && program == WAIT ->
        as_sent = !(got & word[me]);
        assert(as_sent);
        got = got | word[me];
        finished = finished + (word[me] && got == (1 << TURNS) - 1 -> 1 : 0);
        word[me] = 0;
        op[me] = WAIT
    :: op[me] == NONE && program == CONFIGURE ->
        op[me] = (turns[me] == TURNS -> ENDED : CONFIGURE);
        turns[me]++
    :: op[me] == NONE && program == SERVE -> op[me] = SERVE
    fi
}

proctype hart(byte me; mtype program)
{
    byte partner = NOBODY, ring = NOBODY, missing, other, attempt, entries = ENTRIES;
    bool has_all, ran, gone, lane, done;

    take(me);
again:
    atomic {
        schedule();
        missing = 0;
        other = 0;
        attempt = 0;
        gone = false;
        done = false
    };
    unlock();
    if
    :: ring != NOBODY ->
#ifndef BUG_LANE_RINGS_NOBODY
        interrupt[ring] = true;
#endif
        ring = NOBODY
    :: else
    fi;
#ifdef BUG_LATE_AWAKE
    awake[me] = false;
#endif
#ifdef BUG_FORGETS
    if
    :: current[me] == IDLE -> interrupt[me] = false
    :: else
    fi;
#endif
    atomic {
        ran = (current[me] == OWN);
        if
        :: interrupt[me] -> goto interrupted
        :: current[me] == LOW && entries -> entries--; goto entered
        :: ran -> go_on(program); goto called_it
        :: !ran && finished == PROGRAMS -> goto over
        fi
    };
interrupted:
    take(me);
    if
    :: !ran || current[me] == OWN -> hart_interrupts()
    :: else
    fi;
    goto again;
entered:
    take(me);
    goto again;
called_it:
    take(me);
#ifndef BUG_GONE
    gone = (current[me] != OWN);
#endif
    if
    :: !gone -> try_lane()
    :: else
    fi;
    if
    :: !gone && !done -> lock_for_thread()
    :: else
    fi;
    if
    :: !gone && !done -> system_call()
    :: else
    fi;
    goto again;
over:
    skip
}

init {
    atomic {
        if
        :: has_low[0] = true
        :: has_low[1] = true; has_low[2] = true
        fi;
        run hart(0, FIRST);
        run hart(1, SECOND);
        run hart(2, THIRD)
    }
}
