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
struct MonitorsStarted @0xd6a1f1d0c3a900a1 { instance @0 :Data; }  # 16 bytes
struct MonitorBatch @0xd6a1f1d0c3a900a2 {  # commands for one thread; answered with Ack
  thread @0 :UInt16;
  batch @1 :Data;
}
struct FinishReplay @0xd6a1f1d0c3a900a3 {}  # the journal has been run; answered with Certified
struct CertifyEpochs @0xd6a1f1d0c3a900a4 {} # answered with Ack
struct Certified @0xd6a1f1d0c3a900a5 {      # the last certified epoch
  any @0 :Bool;
  epoch @1 :UInt32;
}
struct SealState @0xd6a1f1d0c3a900a8 { checkpoint @0 :Bool; }      # answered with SealedState
struct SealedState @0xd6a1f1d0c3a900a9 { sealed @0 :Data; }
struct ConfirmState @0xd6a1f1d0c3a900aa {  # it is on disk, and so is this counter
  counter @0 :UInt64;
  tag @1 :Data;
}
struct Released @0xd6a1f1d0c3a900ab {      # answers ConfirmState
  results @0 :List(Data);              # by thread, of all calls since the last one, in order
  certified @1 :Certified;
}

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
