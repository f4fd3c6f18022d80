/* The ring of actors/node/ring*.cpp: five identifiers, successor lists of two, every interleaving.

   Models   RoutingTable::set_successors, drop; Ring::join, copy_neighbours, notify, on_neighbours,
            on(Notify), on(Leave), check_predecessor, on_silence, after_drop.
   Bounds   N = 5, r = 2, of which the base of r + 1 = 3 (0, 1, 2) never fails; the two others join,
            fail, leave and come back under the same identity without end. -DN=6 -DONE_STEP:
            three others, answers processed at once.
   Assumes  a question and its answer are one step, what the asker does with the answer another,
            any time later; a join is one step; silence means death; Zave's failure rule: nobody
            fails or leaves whose loss leaves a member without a live successor, be it in its list
            or in one on its way to it. Not modelled: fingers and remembered contacts (more ways
            to heal), suspicion, partitions.
   Claims   inv() after every step; settle(): from every reachable state, N - 1 rounds of
            maintenance without faults, in the order of the identifiers, end in the ideal ring.
   Source   Zave, IEEE TSE 43(12), 2017 (invariants, failure rule).

   A -D flag removes one rule (list in run.py); each such mutant must break a claim. */

#ifndef N
#define N 5
#endif
#define NIL 9
#ifndef ROUNDS
#define ROUNDS (N - 1)
#endif
#define HOPS 12         /* Ring::kUpdateHopsMax, here questions and answers */

bool member[N];
byte first[N] = NIL;    /* the successor list */
byte second[N] = NIL;
byte before[N] = NIL;   /* the predecessor */
byte walk[N] = NIL;     /* whom the update that is under way asks next */
byte from[N] = NIL;     /* an answer on its way to this node: whose, */
byte heard_first[N];    /* and what the sender's table said when it answered */
byte heard_before[N];
byte n, m;              /* scratch, zero between steps */
hidden byte i, j, k, hops, old;
hidden byte good;

/* is_between, is_in_range of ring_math.hpp. */
#define FAR(a, x) (((x) + N - (a)) % N)
#define BETWEEN(a, x, b) ((x) != (a) && ((a) == (b) || FAR(a, x) < FAR(a, b)))
#define IN_RANGE(a, x, b) ((a) == (b) || ((x) != (a) && FAR(a, x) <= FAR(a, b)))
#define LIVES(a) ((a) != NIL && member[a])
#define BEST(a) (LIVES(first[a]) -> first[a] : second[a])

#ifdef TWO_AT_FIRST
#define BASE 2
#else
#define BASE 3
#endif
#define PERMANENT(a) ((a) < BASE)

/* RoutingTable::set_successors: `to`, then `next` that it reported, as far as it is in order. */
inline set_successors(at, to, next) {
  old = next;
  first[at] = to;
#ifdef ONE_SUCCESSOR
  second[at] = NIL
#else
#ifdef NO_ORDER
  second[at] = (old != at -> old : NIL)
#else
  second[at] = (old != NIL && old != at && BETWEEN(to, old, at) -> old : NIL)
#endif
#endif
}

/* RoutingTable::drop. */
inline remove(at, who) {
#ifndef NO_DROP
  if
  :: first[at] == who -> first[at] = second[at]; second[at] = NIL
  :: second[at] == who -> second[at] = NIL
  :: else
  fi;
#endif
  if
  :: before[at] == who -> before[at] = NIL
  :: else
  fi
}

/* Ring::after_drop: of entries() the model has the predecessor. */
inline after_drop(at) {
  if
  :: first[at] == NIL && before[at] != NIL -> first[at] = before[at]
  :: else
  fi
}

inline drop(at, who) {
  remove(at, who);
  after_drop(at)
}

/* Ring::on(Notify) at `at`, from `who`. */
inline on_notify(at, who) {
#ifdef NO_RECTIFY_ORDER
  before[at] = who;
#else
  if
  :: before[at] == NIL -> before[at] = who
  :: before[at] != NIL && BETWEEN(before[at], who, at) -> before[at] = who
  :: else
  fi;
#endif
  if
  :: first[at] == NIL -> first[at] = who; second[at] = NIL
  :: else
  fi
}

/* Ring::notify: `at` asks `to`; the answer waits in from[at], silence is acted upon at once. */
inline notify(at, to) {
  if
  :: member[to] ->
     on_notify(to, at);
     from[at] = to; heard_first[at] = first[to]; heard_before[at] = before[to]
  :: else ->
     good = to == first[at];
     drop(at, to);
     walk[at] = (good && first[at] != to -> first[at] : NIL)
  fi
}

/* Ring::on_neighbours, with an answer that may be out of date by now. */
inline on_neighbours(at) {
  k = from[at];
  walk[at] = NIL;
  if
  :: first[at] == NIL || k == first[at] || BETWEEN(at, k, first[at]) ->
     set_successors(at, k, heard_first[at]);
     if
     :: heard_before[at] != NIL && BETWEEN(at, heard_before[at], k) ->
#ifdef ADOPT_UNASKED
        second[at] = k; first[at] = heard_before[at]
#else
#ifndef NO_WALK
        walk[at] = heard_before[at]
#endif
#endif
     :: else
     fi
  :: else
  fi;
  from[at] = NIL; heard_first[at] = 0; heard_before[at] = 0
}

/* One question of Ring::update, or the answer to it. */
inline update(at) {
  if
  :: from[at] != NIL -> on_neighbours(at)
  :: from[at] == NIL && walk[at] != NIL -> k = walk[at]; notify(at, k)
  :: from[at] == NIL && walk[at] == NIL && first[at] != NIL -> k = first[at]; notify(at, k)
  :: else
  fi;
#ifdef ONE_STEP
  if
  :: from[at] != NIL -> on_neighbours(at)
  :: else
  fi
#endif
}

inline check_predecessor(at) {
#ifndef NO_PREDECESSOR_CHECK
  if
  :: before[at] != NIL && !LIVES(before[at]) -> k = before[at]; drop(at, k)
  :: else
  fi
#else
  skip
#endif
}

/* Ring::join and copy_neighbours: newcomer `at`, the lookup ends at member `by`. */
inline join(at, by) {
  k = NIL;
  if
  :: first[by] != NIL && IN_RANGE(by, at, first[by]) ->
     k = first[by];
     if
     :: k == at -> k = (second[by] != NIL -> second[by] : by)
     :: else
     fi
  :: !(first[by] != NIL && IN_RANGE(by, at, first[by])) &&
     (before[by] != NIL -> IN_RANGE(before[by], at, by) : first[by] == NIL) -> k = by
  :: else
  fi;
  if
  :: LIVES(k) ->
     member[at] = true;
     set_successors(at, k, first[k]);
#ifdef JOIN_ONE
     second[at] = NIL
#endif
  :: else
  fi
}

inline forget(at) {
  member[at] = false;
  first[at] = NIL; second[at] = NIL; before[at] = NIL; walk[at] = NIL;
  from[at] = NIL; heard_first[at] = 0; heard_before[at] = 0
}

/* Zave's rule; a list on its way counts as one that somebody has. */
inline may_go(at) {
  good = !PERMANENT(at);
#ifndef NO_FAILURE_RULE
  i = 0;
  do
  :: i < N ->
     good = good && (!member[i] || i == at || (LIVES(first[i]) && first[i] != at) ||
                     (LIVES(second[i]) && second[i] != at));
#ifndef PLAIN_FAILURE_RULE
     good = good && (from[i] == NIL || i == at || (LIVES(from[i]) && from[i] != at) ||
                     (LIVES(heard_first[i]) && heard_first[i] != at));
#endif
     i++
  :: else -> break
  od;
#endif
}

/* Ring::on(Leave) at `at`, from `who`. */
inline on_leave(at, who) {
  good = before[at] == who;
  remove(at, who);
  if
  :: good && before[who] != NIL && before[who] != at -> before[at] = before[who]
  :: else
  fi;
  if
  :: first[at] == NIL && first[who] != NIL && first[who] != at -> first[at] = first[who]
  :: else
  fi;
  after_drop(at)
}

/* Lists; one ring; nobody apart from it. */
inline inv() {
  i = 0;
  do
  :: i < N ->
     if
     :: member[i] ->
        assert(LIVES(first[i]) || LIVES(second[i]));                 /* one live successor */
        assert(first[i] != i && second[i] != i && first[i] != second[i]);
        assert(second[i] == NIL || BETWEEN(first[i], second[i], i)); /* ordered, each once */
        j = 0;
        do
        :: j < N ->                                                  /* the base is never skipped */
           assert(!PERMANENT(j) || !member[j] || j == i || !BETWEEN(i, j, first[i]));
           assert(!PERMANENT(j) || !member[j] || second[i] == NIL || j == first[i] ||
                  !BETWEEN(first[i], j, second[i]) || j == i);
           j++
        :: else -> break
        od
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0;
  do
  :: i < N ->
     if
     :: member[i] ->
        j = i; k = 0;
        do
        :: j != 0 && k <= N -> j = BEST(j); k++
        :: else -> break
        od;
        assert(j == 0)                                               /* connected to the ring */
     :: else
     fi;
     i++
  :: else -> break
  od;
  j = BEST(0); k = 0;
  do
  :: j != 0 && k <= N ->                                             /* once round, in order */
     assert(BEST(j) == 0 || BEST(j) > j);
     j = BEST(j); k++
  :: else -> break
  od;
  assert(j == 0)
#ifdef NOTHING_HAPPENS
  ;
  assert(!(member[3] && member[4] && second[2] == 4 && first[4] == 0 && before[4] == 3))
#endif
}

/* Every list holds the next two members, every predecessor is the one before. */
inline ideal() {
  i = 0;
  do
  :: i < N && member[i] ->
     j = (i + 1) % N;
     do
     :: !member[j] -> j = (j + 1) % N
     :: else -> break
     od;
     assert(j == i || (first[i] == j && before[j] == i));
     k = (j + 1) % N;
     do
     :: !member[k] -> k = (k + 1) % N
     :: else -> break
     od;
     assert(k == i || second[i] == k);
     i++
  :: i < N && !member[i] -> i++
  :: else -> break
  od
}

/* The faults stop: every member in turn checks its predecessor and updates, ROUNDS times. */
inline settle() {
  m = 0;
  do
  :: m < ROUNDS ->
     n = 0;
     do
     :: n < N ->
        if
        :: member[n] ->
           check_predecessor(n);
           update(n);
           hops = 1;
           do
           :: (walk[n] != NIL || from[n] != NIL) && hops < HOPS -> update(n); hops++
           :: else -> break
           od
        :: else
        fi;
        n++
     :: else -> break
     od;
     m++
  :: else -> break
  od;
  ideal()
}

/* The base, a ring that knows itself. Its members are neighbours: so are those who come and go. */
inline found_ring() {
  n = 0;
  do
  :: n < BASE ->
     member[n] = true;
     first[n] = (n + 1) % BASE;
     if
     :: BASE > 2 -> second[n] = (n + 2) % BASE
     :: else
     fi;
     before[n] = (n + BASE - 1) % BASE;
     n++
  :: else -> break
  od;
  n = 0
}

init {
  d_step { found_ring() };
  do
  :: atomic {
       select(n : 0 .. N - 1);
       if
       :: !member[n] ->
          select(m : 0 .. N - 1);
          member[m];
          d_step { join(n, m); n = 0; m = 0; inv() }
       :: member[n] -> d_step { update(n); n = 0; inv() }
       :: member[n] && before[n] != NIL && !LIVES(before[n]) ->
          d_step { check_predecessor(n); n = 0; inv() }
       :: member[n] && !PERMANENT(n) ->
          d_step {
            may_go(n);
            if
            :: good -> forget(n)
            :: else
            fi;
            n = 0; inv()
          }
       :: member[n] && !PERMANENT(n) ->
          d_step {
            may_go(n);
            if
            :: good ->
               m = first[n];
               k = before[n];
               if :: LIVES(m) -> on_leave(m, n) :: else fi;
               if :: LIVES(k) && k != m -> on_leave(k, n) :: else fi;
               forget(n)
            :: else
            fi;
            n = 0; m = 0; inv()
          }
       fi
     }
  :: d_step { settle(); n = 0; m = 0; inv() }
  od
}
