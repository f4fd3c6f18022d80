@0xd6a1f1d0c3a90002;
# The five operations of the ring: find, store, join, update, leave (Themis paper, table 1).
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Contact @0xd6a1f1d0c3a90020 {   # where a node is
  id @0 :Data;                         # 32 bytes
  host @1 :Text;
  port @2 :UInt16;
}
struct Record @0xd6a1f1d0c3a90021 {    # who provides a named object
  name @0 :Text;
  provider @1 :Contact;
  sequence @2 :UInt64;                 # the newest of a provider wins
  expiresMs @3 :Int64;                 # wall clock; a record past it is dropped
  payload @4 :Data;                    # up to 512 bytes, for the provider's use
}

struct FindNode @0xd6a1f1d0c3a90022 { target @0 :Data; }     # a step of a lookup
struct FindNodeReply @0xd6a1f1d0c3a90023 {
  union {
    closer @0 :List(Contact);          # the closest preceding nodes known here, best first
    responsible @1 :List(Contact);     # the node responsible, then its successors
  }
}
struct GetObject @0xd6a1f1d0c3a90024 { object @0 :Data; }
struct GetObjectReply @0xd6a1f1d0c3a90025 { records @0 :List(Record); }

struct Store @0xd6a1f1d0c3a90026 {     # to the responsible node; answered with Ack
  object @0 :Data;
  record @1 :Record;
}
struct HandOver @0xd6a1f1d0c3a90027 {  # the receiver's objects from now on; answered with Ack
  entries @0 :List(Store);
}
struct GetNeighbours @0xd6a1f1d0c3a90028 {}                   # join and update ask this
struct Neighbours @0xd6a1f1d0c3a90029 {
  predecessor @0 :Contact;             # absent when none is known
  successors @1 :List(Contact);
}
# "I may be your predecessor"; answered with Neighbours
struct Notify @0xd6a1f1d0c3a9002a { self @0 :Contact; }
struct Leave @0xd6a1f1d0c3a9002b {     # to both neighbours; answered with Ack
  self @0 :Contact;
  predecessor @1 :Contact;
  successors @2 :List(Contact);
}
struct Ping @0xd6a1f1d0c3a9002c {}                            # answered with Ack
