@0xd6a1f1d0c3a90003;
# Deploying, placing and calling functions.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("themis::schema");

struct Limits @0xd6a1f1d0c3a90030 {
  memoryMb @0 :UInt32;
  cpuMs @1 :UInt32;
  wallMs @2 :UInt32;
}
struct FetchCode @0xd6a1f1d0c3a90031 { id @0 :Data; }         # BLAKE2b-256 of the code, 32 bytes
struct CodeBlob @0xd6a1f1d0c3a90032 { source @0 :Data; }

struct Host @0xd6a1f1d0c3a90033 {      # "be an instance of this function"; answered with Ack
  name @0 :Text;
  code @1 :Data;                       # 32 bytes
  version @2 :UInt32;
  secretsKey @3 :Data;                 # opens what is sealed in the code: 32 bytes, or none
}
struct Unhost @0xd6a1f1d0c3a90034 { name @0 :Text; }

struct Locate @0xd6a1f1d0c3a90060 { name @0 :Text; }   # "do you run it?"; answered with Located
struct Located @0xd6a1f1d0c3a90061 { version @0 :UInt32; code @1 :Data; }

struct Header @0xd6a1f1d0c3a90035 { name @0 :Text; value @1 :Text; }
struct Invoke @0xd6a1f1d0c3a90036 {    # one HTTP request for a function
  function @0 :Text;
  code @1 :Data;                       # empty: whatever version is hosted
  method @2 :Text;
  url @3 :Text;                        # absolute, as the handler sees it
  headers @4 :List(Header);
  body @5 :Data;
  flow @6 :UInt64;                     # not 0: the body is there to Pull, at the sender's "flows"
  socket @7 :Bool;                     # the flow brings a WebSocket's messages, if a 101 answers
  event @8 :UInt8;                     # 0: a request; 1: scheduled, 2: queue, 3: alarm: in the body
                                       # 4: remote, the body has the arguments of the method
  depth @9 :UInt8;                     # functions that called each other until this call
  actor @10 :Actor;                    # whom of the function it is for; without a class: itself
  deployer @11 :Text;                  # of the calling function, as its node says; empty: of nobody
  source @12 :UInt64;                  # host to parent: whose flow it is, a target on their session
  fresh @13 :Bool;                     # of uploaded code: in an isolate that is made for this call
}
struct Actor @0xd6a1f1d0c3a9003f {
  className @0 :Text;
  id @1 :Text;
  version @2 :UInt32;                  # of the function, on the way to the actor's home; and so are
  secretsKey @3 :Data;                 # its key, as in Host, and Invoke's code
}
struct Outcome @0xd6a1f1d0c3a90037 {   # its response; failures are answered with Failure
  status @0 :UInt16;
  headers @1 :List(Header);
  body @2 :Data;
  cpuUs @3 :UInt32;                    # CPU time the handler used
  flow @4 :UInt64;                     # not 0: more of the body is there to Pull
  running @5 :UInt16;                  # calls of the function that its process still has
  memoryPercent @6 :UInt8;             # of the function's memory limit, used there
}

# Bodies that travel bit by bit: who reads asks for each part, so nothing piles up on the way.
struct Pull @0xd6a1f1d0c3a9003c { flow @0 :UInt64; }  # answered with BodyPart, or Failure
struct BodyPart @0xd6a1f1d0c3a9003d {
  kind @0 :UInt8;                      # js::Part::Kind; bytes without data: ask again
  data @1 :Data;
  code @2 :UInt16;
}
struct DropFlow @0xd6a1f1d0c3a9003e { flow @0 :UInt64; } # one-way: nobody reads it any more

# Parent to function host, on their own session.
struct Load @0xd6a1f1d0c3a90038 {      # answered with Loaded, or Failure (syntax)
  name @0 :Text;
  code @1 :Data;
  source @2 :Data;
  limits @3 :Limits;
  secretsKey @4 :Data;
  codeCache @5 :Data;                  # as a CodeCache had it, or none
  actor @6 :Actor;                     # without a class: the function itself
  deployer @7 :Text;
}
struct Loaded @0xd6a1f1d0c3a90039 {
  actor @0 :UInt64;                    # the worker's target on this session
  cached @1 :Bool;                     # the code cache served: none will be made
}
struct CodeCache @0xd6a1f1d0c3a90062 { # host to parent, one-way: what was compiled of a function
  code @0 :Data;
  cache @1 :Data;
}
struct Unload @0xd6a1f1d0c3a9003a { code @0 :Data; }
struct LogLine @0xd6a1f1d0c3a9003b {   # host to parent, one-way
  function @0 :Text;
  level @1 :UInt8;                     # 0 debug, 1 info, 2 warn, 3 error
  text @2 :Text;
}
