@0xd6a1f1d0c3a90002;
# The five operations of the ring: find, store, join, update, leave (Themis paper, table 1).
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Contact @0xd6a1f1d0c3a90020 {   # where a node is
  id @0 :Data;                         # 32 bytes
  host @1 :Text;
  port @2 :UInt16;
}
struct Address @0xd6a1f1d0c3a9002d {
  host @0 :Text;                       # numeric
  port @1 :UInt16;
}
struct Label @0xd6a1f1d0c3a9002e {
  key @0 :Text;                        # up to 32 bytes
  value @1 :Text;                      # up to 64 bytes
}
# Who provides a named object, signed by it. The signature covers the root of a Merkle tree over all
# that the provider signed at that time; each leaf covers every field before `signature` and the
# network (actors/ring/record.hpp, record_tree.hpp).
struct Record @0xd6a1f1d0c3a90021 {
  name @0 :Text;
  provider @1 :Contact;
  moreAddresses @2 :List(Address);     # up to 3
  key @3 :Data;                        # 32 bytes, Ed25519; the provider's id follows from it
  sequence @4 :UInt64;                 # the newest of a provider wins
  expiresMs @5 :Int64;                 # wall clock; a record past it is dropped
  withdrawn @6 :Bool;                  # the provider takes the object back
  weight @7 :UInt16 = 100;
  version @8 :Text;                    # up to 32 bytes
  labels @9 :List(Label);              # up to 8
  payload @10 :Data;                   # up to 512 bytes, for the provider's use
  signature @11 :Data;                 # 64 bytes
  issuedMs @12 :Int64;
  index @13 :UInt32;
  count @14 :UInt32;
  path @15 :Data;                      # up to 12 digests of 32 bytes, from the leaf up
}

struct FindNode @0xd6a1f1d0c3a90022 {   # a step of a lookup
  target @0 :Data;
  # The target is an object, wanted for its records: the node responsible for it answers with
  # GetObjectReply. Who is not may name as responsible whom it only believes to be.
  object @1 :Bool;
}
struct FindNodeReply @0xd6a1f1d0c3a90023 {
  union {
    closer @0 :List(Contact);          # the closest preceding nodes known here, best first
    responsible @1 :List(Contact);     # the node responsible, then its successors
  }
}
struct GetObject @0xd6a1f1d0c3a90024 { object @0 :Data; }
struct GetObjectReply @0xd6a1f1d0c3a90025 {
  records @0 :List(Record);
  watched @1 :Bool;                    # to Watch: changes will be told
}

# To the responsible node; answered with Ack, or with GetObjectReply: the newer record, of another
# content, that is kept of this provider.
struct Store @0xd6a1f1d0c3a90026 {
  replica @0 :UInt8;                   # which of the k + 1 objects of the record's name
  record @1 :Record;
}
struct HandOver @0xd6a1f1d0c3a90027 {  # objects the receiver keeps from now on; answered with Ack
  entries @0 :List(Store);             # or, when some are not kept, with Refused; up to 16
}
struct Refused @0xd6a1f1d0c3a90050 {   # bit i: entry i
  invalid @0 :UInt16;                  # need not come back
  retry @1 :UInt16;                    # is to be sent again
}
struct GetNeighbours @0xd6a1f1d0c3a90028 {}                   # join and update ask this
struct Neighbours @0xd6a1f1d0c3a90029 {
  predecessor @0 :Contact;             # absent when none is known
  successors @1 :List(Contact);
}
# "I may be your predecessor"; answered with Neighbours
struct Notify @0xd6a1f1d0c3a9002a {
  self @0 :Contact;
  predecessors @1 :List(Contact);      # before it, the nearest first: whose objects are kept twice
}
struct Leave @0xd6a1f1d0c3a9002b {     # to both neighbours; answered with Ack
  self @0 :Contact;
  successors @1 :List(Contact);
}
struct Ping @0xd6a1f1d0c3a9002c {}                            # answered with Ack

# "Tell me when it changes": to the responsible node; answered with GetObjectReply
struct Watch @0xd6a1f1d0c3a9002f {
  object @0 :Data;
  self @1 :Contact;                    # whom to tell
}
struct Changed @0xd6a1f1d0c3a90030 {   # what a watched object holds now; answered with Ack
  object @0 :Data;
  records @1 :List(Record);
  over @2 :Bool;                       # the sender keeps it no longer: watch it elsewhere
  lost @3 :List(Data);                 # providers that the sender lost its session with; up to 16
}

# "Do you keep what I keep in (from, until]?" To those that keep copies of the sender's range;
# answered with Ack, or with Summary
struct Compare @0xd6a1f1d0c3a90051 {
  from @0 :Data;
  until @1 :Data;
  digest @2 :Data;                     # of what the entries of a Summary would be
}
struct Summary @0xd6a1f1d0c3a90052 {
  until @0 :Data;                      # the last object, when there are more in the range
  entries @1 :Data;                    # up to 512 of 72 bytes: object, provider, sequence (LE)
}
