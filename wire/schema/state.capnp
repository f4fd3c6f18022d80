@0xd6a1f1d0c3a90005;
# Verified state: a host and its monitors, and who asks the host.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

# To the trusted side, by the process that keeps the state on its disk; when: seal/trusted_side.hpp.
# Failure with the code "forged" says that a monitor refused: nothing is accepted any more.
struct StartMonitors @0xd6a1f1d0c3a900a0 {  # once; answered with MonitorsStarted
  threads @0 :UInt16;
  nodeSlots @1 :UInt32;                # of each thread
  recordSlots @2 :UInt32;
  key @3 :Data;                        # 32 bytes: the sealing key
  counter @4 :UInt64;                  # where the sealed counter stands
  tag @5 :Data;                        # and its 16 bytes
  sealed @6 :Data;                     # empty: a new store
}
struct MonitorsStarted @0xd6a1f1d0c3a900a1 {
  instance @0 :Data;                   # 16 bytes
  prf @1 :UInt8;                       # crypto::PrfKind of its clients' MACs
  agreement @2 :Data;                  # 32 bytes: the X25519 share of this run
  signing @3 :Data;                    # 32 bytes: the Ed25519 key of the store's certificates
  clientsOnly @4 :Bool;
}
struct MonitorBatch @0xd6a1f1d0c3a900a2 {  # commands for one thread; answered with Ack
  thread @0 :UInt16;
  batch @1 :Data;                      # empty: it is in the thread's ring, see batch_ring.hpp
  at @2 :UInt32;
  bytes @3 :UInt32;
}
struct FinishReplay @0xd6a1f1d0c3a900a3 {}  # the journal has been run; answered with Certified
struct CertifyEpochs @0xd6a1f1d0c3a900a4 {} # answered with Certified
struct Certified @0xd6a1f1d0c3a900a5 {      # the last certified epoch
  any @0 :Bool;
  epoch @1 :UInt32;
}
struct SealState @0xd6a1f1d0c3a900a8 { checkpoint @0 :Bool; }      # answered with SealedState
struct SealedState @0xd6a1f1d0c3a900a9 { sealed @0 :Data; }
struct ConfirmState @0xd6a1f1d0c3a900aa {  # it is on disk, and so is this counter
  counter @0 :UInt64;
  tag @1 :Data;
  reads @2 :Bool;                      # instead: nothing was written or sealed since the last one
}
struct Released @0xd6a1f1d0c3a900ab {      # answers ConfirmState
  results @0 :List(Data);              # by thread, of all calls since the last one, in order
  certified @1 :Certified;
  certificates @2 :List(EpochCertificate);  # of the epochs certified since the last one
  lengths @3 :List(UInt32);            # instead of results: they are in the shared memory
}
struct EpochCertificate @0xd6a1f1d0c3a900ac {  # instance and threads are those of the run
  epoch @0 :UInt32;
  previous @1 :Data;                   # 32 bytes
  root @2 :Data;                       # 32
  secret @3 :Data;                     # 16
  signature @4 :Data;                  # 64
}

# To the trusted side, of its clients: what is refused here ends nothing. The host asks AdmitCall
# before it runs a client's call, since a wrong one in a batch would end the monitor for everybody.
struct RegisterClient @0xd6a1f1d0c3a900ad {  # of one thread; answered with Ack
  thread @0 :UInt16;
  number @1 :UInt16;
  share @2 :Data;                      # 32 bytes
  grant @3 :Data;                      # 64 bytes: the owner's signature; any, if it has no owner
}
struct AdmitCall @0xd6a1f1d0c3a900ae {  # answered with CallAdmitted
  thread @0 :UInt16;
  client @1 :UInt16;
  use @2 :UInt8;                       # receipts::Use
  nonce @3 :UInt64;
  tag @4 :Data;                        # 16 bytes
  body @5 :Data;                       # what the tag is over: receipts::call_body()
}
struct CallAdmitted @0xd6a1f1d0c3a900af { admitted @0 :Bool; }

# To a node's state, by a function host or another node; answered with StateAnswered. Both bodies
# are JSON as POST /v1/state/NAMESPACE has it; or `calls` and `answers` instead, packed as
# state_batch.hpp and state_answers.hpp say, all of that namespace.
struct AskState @0xd6a1f1d0c3a900a6 {
  nameSpace @0 :Text;
  call @1 :Data;
  calls @2 :Data;
  wait @3 :Bool;                       # of `calls`
}
struct StateAnswered @0xd6a1f1d0c3a900a7 {
  answer @0 :Data;
  answers @1 :Data;
  certified @2 :Certified;             # of `answers`
}
