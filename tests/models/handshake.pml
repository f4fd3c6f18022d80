/* The handshake of wire/handshake.cpp against a Dolev-Yao attacker: all interleavings of four runs.

   Models   Handshake::start, on_message_1, on_message_2, on_message_3, open_identity, finish.
   Bounds   two initiator runs (0, 1) and two responder runs (2, 3) of the honest A and B, each in
            both roles; the attacker has the identity E, one share and one nonce of its own;
            two networks; two suites.
   Attacker carries every message: it delivers, withholds, repeats and alters them, and composes a
            sealed part when it can know the Diffie-Hellman secret. It may get A's long-term key at
            any moment, and the secret exponent of one run that was broken off.
   Assumes  perfect signatures, AEAD, hash and Diffie-Hellman (g^xy is known by who has x or y); a
            message that is refused changes nothing and is not modelled; honest nonces and shares
            are fresh. The nonce's network tag is public: the attacker makes any.
   Claims   in check(): about a peer whose long-term key the attacker does not have. The key of the
            run's own side may be stolen: that is resistance to key compromise impersonation.

   A -D flag removes one rule (list in run.py); each such mutant must break a claim. */

#define A 0
#define B 1
#define E 2
#define ANY 3          /* HandshakeConfig::expected is empty */
#define RUNS 4
#define ATTACKERS 4    /* the attacker's share and nonce; those of run r are called r */
#define NOBODY 5

#define READY 0        /* Handshake::State; for a responder READY is expects_1 */
#define WAITS 1        /* expects_2, expects_3 */
#define DONE 2
#define CLOSED 3       /* broken off while it waited */

#define AES 1          /* offers are sets, as kOfferAes256Gcm and kOfferChacha20Poly1305 */
#define CHACHA 2
#define BOTH 3

#ifdef REFLECTION        /* nothing tells the roles apart, a node may talk to itself */
#define NO_ROLES
#define SELF_ALLOWED
#endif
#ifdef SELF_ALLOWED      /* no mutant: without the self check and without the claim about it */
#define NO_SELF_CHECK
#endif

#ifdef NO_TAG
#define TAGGED 0
#else
#define TAGGED 1
#endif
#ifdef NO_SIGNATURE_2
#define SIGNED_2 0
#else
#define SIGNED_2 1
#endif
#ifdef NO_SIGNATURE_3
#define SIGNED_3 0
#else
#define SIGNED_3 1
#endif

typedef Run {
  byte state;
  byte owner;
  byte expected;
  bit network;
  bit claims;          /* done, and the attacker did not have the peer's key at that moment */
  bool sent;           /* its sealed part is out */
  byte offer;          /* the fields of messages 1 and 2 as this side saw them */
  byte choice;
  byte share_a;
  byte nonce_a;
  byte share_b;
  byte nonce_b;
  byte peer
};
Run run_[RUNS];
bool leaked;           /* the attacker has A's long-term key */
byte spent = NOBODY;   /* a run that was broken off and whose exponent the attacker has */
byte x, n, o, p, s, k; /* scratch, zero between steps */
bool good, agreement;

#define INITIATOR(r) ((r) < 2)
#define HAS_KEY(who) ((who) == E || (leaked && (who) == A))
#define ON_THE_WIRE(r) (run_[r].state != READY)

/* h2 of handshake.hpp: everything in the clear. */
#ifdef NO_NETWORK
#define T_NETWORK(r) 0
#else
#define T_NETWORK(r) run_[r].network
#endif
#ifdef NO_OFFER
#define T_OFFER(r) 0
#else
#define T_OFFER(r) run_[r].offer
#endif
#define H2(r) (T_NETWORK(r) | (T_OFFER(r) << 1) | (run_[r].choice << 3) | \
               (run_[r].share_a << 5) | (run_[r].nonce_a << 8) | \
               (run_[r].share_b << 11) | (run_[r].nonce_b << 14))
/* h3: the sealed identity of the responder as well; what it sealed besides follows from h2. */
#define RESPONDER_OF(r) (INITIATOR(r) -> run_[r].peer : run_[r].owner)
#ifdef NO_ROLES
#define H3(r) H2(r)
#define ROLE(initiator) 0
#else
#define H3(r) (H2(r) | (RESPONDER_OF(r) << 17))
#define ROLE(initiator) ((initiator) << 20)
#endif

/* signed_text: the role, the transcript. The signer's key is part of the verification. */
#ifdef UNSIGNED_SHARE
#define TEXT_2(r) (ROLE(0) | (H2(r) & ~(7 << 5)))
#else
#ifdef UNCONFIRMED_SHARES
#define TEXT_2(r) (ROLE(0) | (H2(r) & ~(7 << 5)))
#else
#define TEXT_2(r) (ROLE(0) | H2(r))
#endif
#endif
#define TEXT_3(r) (ROLE(1) | H3(r))
#define SIGNS(r) (INITIATOR(r) -> TEXT_3(r) : TEXT_2(r))
#define WANTS(r) (INITIATOR(r) -> TEXT_2(r) : TEXT_3(r))

/* g^xy is the unordered pair; the seal keys come from it and h2, the context is h2 or h3. */
#define SECRET(r) (run_[r].share_a < run_[r].share_b -> \
  run_[r].share_a * 8 + run_[r].share_b : run_[r].share_b * 8 + run_[r].share_a)
#define KNOWN(r) (run_[r].share_a == ATTACKERS || run_[r].share_b == ATTACKERS || \
                  run_[r].share_a == spent || run_[r].share_b == spent)
#ifdef NO_ROLES
#define DIRECTED(from, to) 1
#else
#define DIRECTED(from, to) (INITIATOR(from) != INITIATOR(to))
#endif
#define OPENS(r, from) (DIRECTED(from, r) && SECRET(r) == SECRET(from) && H2(r) == H2(from) && \
                        run_[r].choice == run_[from].choice && \
                        (INITIATOR(r) || H3(r) == H3(from)))

/* What makes two ends of one run one run. */
#define SAME(i, j) (run_[i].share_a == i && run_[i].share_b == j && \
  run_[j].share_a == i && run_[j].share_b == j && \
  run_[i].nonce_a == run_[j].nonce_a && run_[i].nonce_b == run_[j].nonce_b && \
  run_[i].offer == run_[j].offer && run_[i].choice == run_[j].choice && \
  run_[i].network == run_[j].network)

inline not_alone(r) {
#ifndef SELF_ALLOWED
  assert(run_[r].peer != run_[r].owner)
#else
  skip
#endif
}

inline check_initiator(i) {
  if
  :: run_[i].state == DONE ->
     not_alone(i);
     assert(run_[i].expected == ANY || run_[i].peer == run_[i].expected);    /* the right peer */
     assert((run_[i].choice & run_[i].offer) != 0);          /* a suite it allows */
     if
     :: run_[i].claims ->
        assert(run_[i].share_b != ATTACKERS);   /* secrecy of the key and of run i's identity */
        agreement = false;
        k = 2;
        do
        :: k < RUNS ->
           agreement = agreement || (run_[k].sent && run_[k].owner == run_[i].peer && SAME(i, k) &&
                                     (run_[k].state != DONE || run_[k].peer == run_[i].owner));
           k++
        :: else -> break
        od;
        assert(agreement)
     :: else
     fi
  :: else
  fi
}

inline check_responder(j) {
  if
  :: run_[j].state == DONE ->
     not_alone(j);
     assert((run_[j].choice & run_[j].offer) != 0);
     if
     :: run_[j].claims ->
        assert(run_[j].share_a != ATTACKERS);
        agreement = false;
        k = 0;
        do
        :: k < 2 ->
           agreement = agreement || (run_[k].state == DONE && run_[k].owner == run_[j].peer &&
                                     run_[k].peer == run_[j].owner && SAME(k, j));
           k++
        :: else -> break
        od;
        assert(agreement)
     :: else
     fi
  :: else
  fi
}

inline check() {
  check_initiator(0);
  check_initiator(1);
  check_responder(2);
  check_responder(3);
  assert(!(run_[0].claims && run_[1].claims && run_[0].share_b == run_[1].share_b));
  assert(!(run_[2].claims && run_[3].claims && run_[2].share_a == run_[3].share_a));
#ifdef NOTHING_HAPPENS
  assert(!(run_[0].claims && run_[1].claims && run_[2].claims && run_[3].claims));
#endif
  agreement = false;
  k = 0
}

inline clear() { x = 0; n = 0; o = 0; p = 0; s = 0; good = false }

/* A share, nonce or sealed part that the attacker can send: its own or one that passed. */
inline pick_sent(v, first) {
  if
  :: v = ATTACKERS
  :: ON_THE_WIRE(first) -> v = first
  :: ON_THE_WIRE(first + 1) -> v = first + 1
  fi
}

/* Handshake::start: nothing in message 1 depends on when it is sent, so all are out at first. */
inline start(i) { run_[i].state = WAITS; run_[i].share_a = i; run_[i].nonce_a = i }

/* on_message_1: any offer, share and nonce. choose() prefers AES. */
inline take_1(j) {
  atomic { run_[j].state == READY ->
    pick_sent(x, 0);
    pick_sent(n, 0);
    x == n || x == ATTACKERS || n == ATTACKERS;
    if :: o = run_[0].offer :: o = CHACHA fi;
    d_step {
      run_[j].state = WAITS; run_[j].sent = true;
      run_[j].offer = o; run_[j].choice = ((o & AES) != 0 -> AES : o);
      run_[j].share_a = x; run_[j].nonce_a = n;
      run_[j].share_b = j; run_[j].nonce_b = j;
      clear()
    }
  }
}

/* Is there a signature by p of the text that run r wants, and does the attacker have it? */
inline find_signature(r) {
  k = 0;
  do
  :: k < RUNS ->
     good = good || (run_[k].sent && run_[k].owner == p && SIGNS(k) == WANTS(r) &&
                     (KNOWN(k) || !TAGGED));
     k++
  :: else -> break
  od;
  k = 0
}

/* open_identity in run r of what run s sealed (s < RUNS), or of what the attacker seals for p. */
inline open_identity(r, tagged, signed) {
  if
  :: s < RUNS ->
     p = run_[s].owner;
     good = run_[s].sent && OPENS(r, s) && (!signed || WANTS(r) == SIGNS(s))
  :: else ->
     good = HAS_KEY(p) || !signed;
     find_signature(r);
     good = good && (KNOWN(r) || !tagged)
  fi;
#ifndef NO_SELF_CHECK
  good = good && p != run_[r].owner;
#endif
#ifndef NO_EXPECTED_CHECK
  good = good && (run_[r].expected == ANY || run_[r].expected == p)
#endif
}

inline accept(r) {
  if
  :: good ->
     run_[r].state = DONE; run_[r].peer = p; run_[r].sent = true;
     run_[r].claims = !HAS_KEY(p)
  :: else
  fi
}

inline pick_sealed(r) {
  if
  :: select(p : A .. E); s = RUNS
  :: DIRECTED(2, r) && run_[2].sent -> s = 2
  :: DIRECTED(3, r) && run_[3].sent -> s = 3
  :: DIRECTED(0, r) && run_[0].sent -> s = 0
  :: DIRECTED(1, r) && run_[1].sent -> s = 1
  fi
}

#ifdef UNCONFIRMED_SHARES
#define TAGGED_2 0
#else
#define TAGGED_2 TAGGED
#endif

/* on_message_2: any choice, share and nonce with any sealed part. */
inline take_2(i) {
  atomic { run_[i].state == WAITS ->
    pick_sent(x, 2);
    pick_sent(n, 2);
    x == n || x == ATTACKERS || n == ATTACKERS;
    select(o : 1 .. 2);
    pick_sealed(i);
    d_step {
      run_[i].share_b = x; run_[i].nonce_b = n; run_[i].choice = o;
      open_identity(i, TAGGED_2, SIGNED_2);
#ifndef NO_CHOICE_CHECK
      good = good && (o & run_[i].offer) != 0;
#endif
      if
      :: good -> accept(i)
      :: else -> run_[i].share_b = 0; run_[i].nonce_b = 0; run_[i].choice = 0
      fi;
      clear();
      check()
    }
  }
}

inline take_3(j) {
  atomic { run_[j].state == WAITS ->
    pick_sealed(j);
    d_step {
      open_identity(j, TAGGED, SIGNED_3);
#ifdef NO_MESSAGE_3_CHECK
      good = s < RUNS || p != run_[j].owner;
#endif
      accept(j);
      clear();
      check()
    }
  }
}

/* The run times out; its exponent was not erased and leaks. */
inline break_off(r) {
  d_step { run_[r].state == WAITS && spent == NOBODY -> run_[r].state = CLOSED; spent = r }
}

/* Who is who, up to renaming: run 0 is A's, in network 0, and only it expects somebody (a run that
   takes any peer can do all that another can). */
inline cast() {
  run_[0].owner = A;
  if
  :: run_[0].expected = B; run_[0].offer = AES
  :: run_[0].expected = ANY; run_[0].offer = BOTH
  fi;
  select(p : A .. B); run_[1].owner = p;
  run_[1].expected = ANY; run_[1].offer = run_[0].offer;
  select(p : A .. B); run_[2].owner = p;
  run_[3].owner = B;
  run_[2].expected = ANY; run_[3].expected = ANY;
  select(p : 0 .. 1); run_[2].network = p;
  start(0);
  start(1);
  p = 0
}

init {
  atomic { cast() };
  do
  :: take_1(2)
  :: take_1(3)
  :: take_2(0)
  :: take_2(1)
  :: take_3(2)
  :: take_3(3)
  :: d_step { !leaked -> leaked = true }
  :: break_off(1)
  :: break_off(3)
  od
}
