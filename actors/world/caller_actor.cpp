#include "actors/world/caller_actor.hpp"

#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "rpc.capnp.h"

namespace themis::world {
namespace {

using EchoMessage = wire::Msg<schema::Echo>;

constexpr size_t kKeptMax = 4;
constexpr size_t kAnnouncedMax = 3;
constexpr size_t kPayloadShortMax = 512;
/// Several records and several segments of a stream.
constexpr size_t kPayloadLongMax = 100'000;
constexpr uint64_t kDeadlineMinMs = 100;
constexpr uint64_t kDeadlineMaxMs = 5'000;
/// What a check may take where nothing fails.
constexpr uint64_t kStrictDeadlineMs = 5'000;

Bytes random_bytes(Rng& rng, size_t count) {
  Bytes bytes(count);
  rng.fill(bytes);
  return bytes;
}

}  // namespace

std::string service_name(uint64_t number) { return "service-" + std::to_string(number); }

void EchoActor::on_message(caf::mailbox_element& element) {
  const wire::FramePtr* frame = types_.frame_of(element.content());
  if (frame == nullptr) return;
  const bool change = ledger_.breaks(Sabotage::wrong_bytes);
  reply(element, types_.message_of(change ? changed(*frame) : *frame));
}

wire::FramePtr EchoActor::changed(const wire::FramePtr& frame) const {
  wire::Builder<schema::Echo> echo;
  echo->setSequence(wire::View<schema::Echo>(frame)->getSequence() + 1);
  return echo.finish().frame();
}

void CallerActor::note(Happening what, uint64_t value, std::string_view detail) {
  setup_.ledger->note(what, setup_.slot, value, detail);
}

void CallerActor::end() {
  reactor_.loop().cancel(timer_);
  tasks_.clear();
  kept_.clear();
  setup_.node.reset();
  quit(caf::exit_reason::normal);
}

void CallerActor::arm() {
  const auto range = static_cast<uint64_t>(kWorkEveryMax.count());
  timer_ = reactor_.loop().after(Duration(static_cast<int64_t>(setup_.rng->below(range))), [this] {
    check_overdue();
    work();
    arm();
  });
}

void CallerActor::check_overdue() const {
  for (const auto& [id, task] : tasks_)
    if (task.due < reactor_.loop().now())
      setup_.ledger->violate("node " + std::to_string(setup_.slot) + " has no answer to request " +
                             std::to_string(id) + " (kind " +
                             std::to_string(static_cast<int>(task.kind)) + ", " + task.name +
                             ") within its deadline");
}

void CallerActor::work() {
  Rng& rng = *setup_.rng;
  const uint64_t choice = rng.below(20);
  const bool joined = setup_.node->ring().state() == ring::Ring::State::joined;
  if (choice < 3 && announcing_ && joined) return announce();
  if (choice < 4 && announcing_ && joined) return withdraw();
  if (choice < 7) {
    ring::Point target;
    rng.fill(target.bytes);
    return look_up(target, {}, false);
  }
  if (choice < 12 && !kept_.empty()) {
    const Kept kept = kept_[rng.below(kept_.size())];
    return call(kept.contact, kept.proxy, false);
  }
  find(service_name(rng.below(setup_.names)), false);
}

void CallerActor::announce() {
  Rng& rng = *setup_.rng;
  const bool again = announced_.size() >= kAnnouncedMax;
  const std::string name =
      again ? announced_[rng.below(announced_.size())] : service_name(rng.below(setup_.names));
  if (std::find(announced_.begin(), announced_.end(), name) == announced_.end())
    announced_.push_back(name);
  const NodeId& self = setup_.node->ring().table().self().id;
  Bytes payload = to_bytes(self.brief() + " " + std::to_string(++last_payload_));
  if (!setup_.ledger->breaks(Sabotage::ghost)) setup_.ledger->provides(name, self, payload);
  Task task{.kind = Kind::provide, .name = name};
  ask(std::move(task), setup_.node.handle(),
      caf::make_message(ProvideName{name, std::move(payload)}), kFindMax);
}

void CallerActor::withdraw() {
  if (announced_.empty()) return;
  const auto at =
      announced_.begin() + static_cast<std::ptrdiff_t>(setup_.rng->below(announced_.size()));
  const std::string name = *at;
  announced_.erase(at);
  setup_.ledger->withdraws(name, setup_.node->ring().table().self().id);
  note(Happening::withdraw, 0, name);
  setup_.node.handle()->enqueue(nullptr, caf::make_message_id(),
                                caf::make_message(WithdrawName{name}), &reactor_);
}

void CallerActor::check_find(const std::string& name) {
  ++checks_open_;
  find(name, true);
}

void CallerActor::check_lookup(const ring::Point& target, std::vector<NodeId> expected) {
  ++checks_open_;
  look_up(target, std::move(expected), true);
}

void CallerActor::ask(Task task, const caf::actor& whom, caf::message question, Duration limit) {
  const uint64_t id = ++last_task_;
  task.asked = reactor_.loop().now();
  task.due = task.asked + limit;
  tasks_.emplace(id, std::move(task));
  whom->enqueue(caf::strong_actor_ptr{ctrl()}, caf::make_message_id(id), std::move(question),
                &reactor_);
}

void CallerActor::find(const std::string& name, bool strict) {
  ask({.kind = Kind::find, .strict = strict, .name = name}, setup_.node.handle(),
      caf::make_message(FindName{name}), kFindMax);
}

void CallerActor::look_up(const ring::Point& target, std::vector<NodeId> expected, bool strict) {
  ask({.kind = Kind::lookup, .strict = strict, .expected = std::move(expected)},
      setup_.node.handle(), caf::make_message(FindResponsible{target}), kFindMax);
}

void CallerActor::reach(const ring::Contact& contact, bool strict) {
  ask({.kind = Kind::reach, .strict = strict, .contact = contact}, setup_.node.handle(),
      caf::make_message(ReachActor{contact, Exports::target_of(kEchoName)}), kReachMax);
}

void CallerActor::call(const ring::Contact& contact, const caf::actor& proxy, bool strict) {
  Rng& rng = *setup_.rng;
  const size_t bytes_max = rng.below(16) == 0 ? kPayloadLongMax : kPayloadShortMax;
  Task task{.kind = Kind::call, .strict = strict, .contact = contact};
  task.sequence = rng.next();
  task.payload = random_bytes(rng, rng.below(bytes_max));
  const auto limit = std::chrono::milliseconds(
      strict ? kStrictDeadlineMs : kDeadlineMinMs + rng.below(kDeadlineMaxMs - kDeadlineMinMs));
  wire::Builder<schema::Echo> echo(task.payload.size() / wire::Frame::kWordBytes + 8);
  echo->setSequence(task.sequence);
  echo->setPayload(wire::to_data(task.payload));
  EchoMessage message = echo.finish(reactor_.loop().now() + limit);
  ask(std::move(task), proxy, caf::make_message(std::move(message)), limit + kDeadlineSlack);
}

void CallerActor::on_message(caf::mailbox_element& element) {
  if (!element.mid.is_response()) return;
  const uint64_t id = element.mid.request_id().integer_value();
  const auto asked = tasks_.find(id);
  if (asked == tasks_.end()) return setup_.ledger->violate("a request was answered twice");
  if (asked->second.kind == Kind::call && setup_.ledger->breaks(Sabotage::lost_answer)) return;
  const auto node = tasks_.extract(asked);
  const Task& task = node.mapped();
  const TimePoint now = reactor_.loop().now();
  if (now > task.due) setup_.ledger->violate("an answer came after its deadline: " + task.name);
  const auto& content = element.content();
  if (content.match_elements<caf::error>()) {
    on_failed(task, from_caf(content.get_as<caf::error>(0)));
  } else if (content.match_elements<ring::Records>()) {
    on_found(task, content.get_as<ring::Records>(0));
  } else if (content.match_elements<ring::Contacts>()) {
    on_responsible(task, content.get_as<ring::Contacts>(0));
  } else if (content.match_elements<caf::actor>()) {
    on_reached(task, content.get_as<caf::actor>(0));
  } else if (const wire::FramePtr* frame = setup_.types->frame_of(content)) {
    on_echo(task, *frame);
  } else {
    note(Happening::provide_ok, 0, task.name);
    setup_.ledger->took(Happening::provide_ok, now - task.asked);
  }
}

void CallerActor::on_failed(const Task& task, const Error& error) {
  constexpr Happening kFailures[] = {Happening::find_failed, Happening::lookup_failed,
                                     Happening::reach_failed, Happening::call_failed,
                                     Happening::provide_failed};
  const Happening what = kFailures[static_cast<size_t>(task.kind)];
  note(what, static_cast<uint64_t>(error.code), task.name);
  setup_.ledger->took(what, reactor_.loop().now() - task.asked);
  if (!task.strict) return;
  --checks_open_;
  const bool nobody = task.kind == Kind::find && error.code == Code::not_found &&
                      setup_.ledger->providers(task.name).empty();
  const std::string wrong =
      nobody
          ? ""
          : "node " + std::to_string(setup_.slot) + ": " + std::string(world::name(what)) + " of " +
                task.name + task.contact.id.brief() + " where nothing is wrong: " + error.text();
  if (task.kind == Kind::find || task.kind == Kind::lookup)
    return setup_.ledger->judge(task.kind == Kind::find ? Check::find : Check::lookup, wrong);
  setup_.ledger->violate(wrong);
}

void CallerActor::on_found(const Task& task, const ring::Records& records) {
  note(Happening::find_ok, records.size(), task.name);
  setup_.ledger->took(Happening::find_ok, reactor_.loop().now() - task.asked);
  for (const ring::Record& record : records)
    if (record.name != task.name || !setup_.ledger->was_provided(record))
      setup_.ledger->violate("node " + std::to_string(setup_.slot) + " found " + task.name +
                             " at " + record.provider.id.brief() + ", which never provided that");
  if (records.empty()) return setup_.ledger->violate("a find ended well and found nobody");
  if (task.strict) setup_.ledger->judge(Check::find, wrong_find(task, records));
  const bool ends_here = task.strict && setup_.ledger->counting_only();
  if (ends_here) --checks_open_;
  reach(records[setup_.rng->below(records.size())].provider, task.strict && !ends_here);
}

std::string CallerActor::wrong_find(const Task& task, const ring::Records& records) const {
  std::map<NodeId, Bytes> expected = setup_.ledger->providers(task.name);
  if (setup_.ledger->breaks(Sabotage::forgotten)) expected.emplace(NodeId{}, Bytes{});
  const size_t count = expected.size();
  for (const ring::Record& record : records) {
    const auto node = expected.extract(record.provider.id);
    if (node.empty() && setup_.ledger->counting_only()) continue;  // has just ended
    if (node.empty() || node.mapped() != record.payload)
      return "node " + std::to_string(setup_.slot) + " found " + task.name + " at " +
             record.provider.id.brief() + " as \"" + std::string(as_text(record.payload)) +
             "\", which is no longer so";
  }
  if (expected.empty()) return {};
  return "node " + std::to_string(setup_.slot) + " found " + std::to_string(records.size()) +
         " of " + std::to_string(count) + " providers of " + task.name + "; " +
         expected.begin()->first.brief() + " is missing";
}

void CallerActor::on_responsible(const Task& task, const ring::Contacts& nodes) {
  note(Happening::lookup_ok, nodes.empty() ? 0 : load<uint64_t>(nodes.front().id.bytes.data()));
  setup_.ledger->took(Happening::lookup_ok, reactor_.loop().now() - task.asked);
  if (!task.strict) return;
  --checks_open_;
  setup_.ledger->judge(Check::lookup, wrong_lookup(task, nodes));
}

std::string CallerActor::wrong_lookup(const Task& task, const ring::Contacts& nodes) const {
  const bool other = setup_.ledger->breaks(Sabotage::wrong_node);
  if (!other && !nodes.empty() && std::ranges::count(task.expected, nodes.front().id) > 0)
    return {};
  return "node " + std::to_string(setup_.slot) + " looked up " +
         (nodes.empty() ? "nobody" : nodes.front().id.brief()) + " where " +
         task.expected.front().brief() + " is responsible";
}

void CallerActor::watch(const NodeId& peer) {
  if (SessionActor* session = setup_.node->peers().find(peer))
    sessions_.try_emplace(session->id(), caf::weak_actor_ptr{session->ctrl()});
}

void CallerActor::on_reached(const Task& task, const caf::actor& proxy) {
  note(Happening::reach_ok);
  setup_.ledger->took(Happening::reach_ok, reactor_.loop().now() - task.asked);
  watch(task.contact.id);
  if (kept_.size() < kKeptMax) {
    kept_.push_back({task.contact, proxy});
  } else {
    kept_[setup_.rng->below(kKeptMax)] = {task.contact, proxy};
  }
  call(task.contact, proxy, task.strict);
}

void CallerActor::on_echo(const Task& task, const wire::FramePtr& frame) {
  note(Happening::call_ok, frame->size());
  setup_.ledger->took(Happening::call_ok, reactor_.loop().now() - task.asked);
  if (task.strict) --checks_open_;
  const NodeId& self = setup_.node->ring().table().self().id;
  const NodeId* peer = frame->peer();
  NodeId from = peer == nullptr ? self : *peer;
  if (setup_.ledger->breaks(Sabotage::wrong_sender)) from = NodeId{};
  if (from != task.contact.id)
    return setup_.ledger->violate("an answer of " + from.brief() + " came for a question to " +
                                  task.contact.id.brief());
  const Status same = wire::decode(EchoMessage(frame), [&](const auto& echo) -> Status {
    const bool equal = echo.getSequence() == task.sequence &&
                       std::ranges::equal(wire::bytes_of(echo.getPayload()), task.payload);
    return equal ? Status{} : Status(fail(Code::forged, "other bytes"));
  });
  if (!same)
    setup_.ledger->violate("node " + std::to_string(setup_.slot) + " got a wrong answer from " +
                           from.brief() + ": " + same.error().text());
}

}  // namespace themis::world
