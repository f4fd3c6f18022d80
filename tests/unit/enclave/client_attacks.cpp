// Attacks on clients' calls: the host makes, changes, repeats or moves them.

#include "tests/unit/enclave/attacks.hpp"

namespace themis::monitor {
namespace {

using receipts::Caller;

/// Client 1 is registered and both keys are in slots.
receipts::ClientSession begin(WordHost host) {
  auto client = host.join(1);
  host.log().add_merkle(kR0, kRoot, WordHost::record(1, std::nullopt));
  host.log().add_merkle(kR1, kRoot, WordHost::record(2, std::nullopt));
  return client;
}
void finish(WordHost host) {
  host.log().next_epoch();
  host.log().verify_epoch();
  host.world.send(host.thread);
}

void invented_put(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller invented{1, receipts::Use::call, 1, {}};
  host.put(kR0, 1, 66, attack ? invented : WordHost::sign_put(client, 1, 66));
  finish(host);
}
void changed_value(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  host.put(kR0, 1, attack ? 66 : 7, WordHost::sign_put(client, 1, 7));
  finish(host);
}
void changed_key(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller caller = WordHost::sign_put(client, 1, 7);
  host.put(attack ? kR1 : kR0, attack ? 2 : 1, 7, caller);
  finish(host);
}
void changed_use(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  Caller caller = WordHost::sign_put(client, 1, 7);
  if (attack) caller.use = receipts::Use::transferable_call;
  host.put(kR0, 1, 7, caller);
  finish(host);
}
void put_in_another_clients_name(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  auto other = host.join(2);
  Caller caller = WordHost::sign_put(attack ? other : client, 1, 66);
  caller.client = 1;
  host.put(kR0, 1, 66, caller);
  finish(host);
}
void replayed_put(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller first = WordHost::sign_put(client, 1, 7);
  host.put(kR0, 1, 7, first);
  host.put(kR0, 1, 8, WordHost::sign_put(client, 1, 8));
  if (attack) host.put(kR0, 1, 7, first);
  finish(host);
}
void reordered_puts(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller first = WordHost::sign_put(client, 1, 7), second = WordHost::sign_put(client, 1, 8);
  if (attack) host.put(kR0, 1, 8, second);
  host.put(kR0, 1, 7, first);
  if (!attack) host.put(kR0, 1, 8, second);
  finish(host);
}
void replayed_at_another_thread(Words& world, bool attack) {
  WordHost host{world}, other{world, 1};
  auto client = begin(host);
  auto there = other.join(1);
  const Caller caller = WordHost::sign_put(client, 1, 7);
  host.put(kR0, 1, 7, caller);
  host.put(kR0, 1, 8, WordHost::sign_put(client, 1, 8));
  host.log().evict_to_deferred(kR0, kRoot, at(0, 1));
  other.add(kR0, 1, 8, at(0, 1));
  other.put(kR0, 1, 7, attack ? caller : WordHost::sign_put(there, 1, 7));
  finish(host);
  finish(other);
}
void replayed_in_another_seat(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const crypto::DhKey own = client_key_pair(1);
  host.log().register_client(2, own.share(),
                             receipts::grant(owner_key(), world.instance, own.share()));
  auto again = receipts::ClientSession::open(own, world.description, 0, 2).value();
  Caller caller = WordHost::sign_put(client, 1, 7);
  host.put(kR0, 1, 7, caller);
  caller.client = 2;
  host.put(kR0, 1, 7, attack ? caller : WordHost::sign_put(again, 1, 7));
  finish(host);
}
void of_another_instance(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  receipts::Instance before = world.description;
  before.id[0] ^= std::byte{1};
  auto session = receipts::ClientSession::open(client_key_pair(1), before, 0, 1).value();
  host.put(kR0, 1, 7, WordHost::sign_put(attack ? session : client, 1, 7));
  finish(host);
}
void forgotten_nonce(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller first = WordHost::sign_put(client, 1, 7);
  host.put(kR0, 1, 7, first);
  host.put(kR0, 1, 8, WordHost::sign_put(client, 1, 8));
  if (attack) {
    host.join(1);
    host.put(kR0, 1, 7, first);
  }
  finish(host);
}
/// Two puts of key 1 in the fused form; the second one's caller is `second`.
void fused_puts(WordHost host, const Caller& first, const Caller& second) {
  host.log().evict_to_deferred(kR0, kRoot, at(0, 1));
  host.log().run_once(WordStore::put, WordHost::record(1, std::nullopt), at(0, 1), 0, at(0, 3),
                      {Word{7}, std::nullopt}, first);
  host.log().run_once(WordStore::put, WordHost::record(1, 7), at(0, 3), 0, at(0, 5),
                      {Word{7}, std::nullopt}, second);
  host.log().next_epoch();
  host.carry(kR0, 1, 7, at(0, 5), at(1, 1));
  host.log().verify_epoch();
  host.world.send();
}
void invented_fused_put(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller first = WordHost::sign_put(client, 1, 7);
  const Caller invented{1, receipts::Use::call, 2, first.tag};
  fused_puts(host, first, attack ? invented : WordHost::sign_put(client, 1, 7));
}
void replayed_fused_put(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  const Caller first = WordHost::sign_put(client, 1, 7);
  fused_puts(host, first, attack ? first : WordHost::sign_put(client, 1, 7));
}
void put_of_nobody(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  host.put(kR0, 1, 66, attack ? Caller{} : WordHost::sign_put(client, 1, 66));
  finish(host);
}
void get_of_nobody(Words& world, bool attack) {
  WordHost host{world};
  auto client = begin(host);
  host.put(kR0, 1, 7, WordHost::sign_put(client, 1, 7));
  if (attack) host.get(kR0, 1);
  finish(host);
}
void host_as_a_client(Words& world, bool attack) {
  WordHost host{world};
  begin(host);
  auto own = host.join(2, !attack);
  host.put(kR0, 1, 66, WordHost::sign_put(own, 1, 66));
  finish(host);
}

constexpr Reason kNone = Reason::none;
constexpr Attack kAttacks[] = {
    {"41", "InventedPut", Reason::forged_call, kNone, invented_put},
    {"41", "PutWithChangedValue", Reason::forged_call, kNone, changed_value},
    {"41", "PutWithChangedKey", Reason::forged_call, kNone, changed_key},
    {"41", "PutWithChangedUse", Reason::forged_call, kNone, changed_use},
    {"41", "PutInAnotherClientsName", Reason::forged_call, kNone, put_in_another_clients_name},
    {"41", "ReplayedPut", Reason::stale_nonce, kNone, replayed_put},
    {"41", "InventedFusedPut", Reason::forged_call, kNone, invented_fused_put},
    {"41", "ReplayedFusedPut", Reason::stale_nonce, kNone, replayed_fused_put},
    {"41", "ReorderedPuts", Reason::stale_nonce, kNone, reordered_puts},
    {"41", "ReplayedAtAnotherThread", Reason::forged_call, kNone, replayed_at_another_thread, 2},
    {"41", "ReplayedInAnotherSeat", Reason::forged_call, kNone, replayed_in_another_seat},
    {"38", "CallOfAnotherInstance", Reason::forged_call, kNone, of_another_instance},
    {"41", "ForgottenNonce", Reason::client_exists, kNone, forgotten_nonce},
    {"41", "PutOfNobody", Reason::client_needed, kNone, put_of_nobody, 1, 0, kNone, true},
    {"41", "GetOfNobody", Reason::client_needed, kNone, get_of_nobody, 1, 0, kNone, true},
    {"41", "HostAsAClient", Reason::not_granted, kNone, host_as_a_client, 1, 0, kNone, true},
};

}  // namespace

std::span<const Attack> client_attacks() { return kAttacks; }

}  // namespace themis::monitor
