// An isolate that is an actor: its object, and the gate between its events.
#include <algorithm>
#include <array>

#include "runtime/js/errors.hpp"
#include "runtime/js/text.hpp"
#include "runtime/js/worker.hpp"

namespace themis::js {
namespace {

v8::Local<v8::Value> export_of(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                               const std::string& name) {
  v8::Isolate* isolate = v8::Isolate::GetCurrent();
  v8::Local<v8::Value> found = v8::Undefined(isolate);
  const v8::Local<v8::String> key = text(isolate, name);
  if (exports->HasOwnProperty(context, key).FromMaybe(false) &&
      !exports->Get(context, key).ToLocal(&found))
    return v8::Undefined(isolate);
  return found;
}

tl::unexpected<Error> no_class(const std::string& name) {
  return fail(Code::invalid,
              "the manifest has the actor class " + name + ", and the main module exports none");
}

}  // namespace

Status WorkerImpl::check_actors(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                                const bundle::Settings& settings) const {
  for (const auto& [binding, class_name] : settings.actors)
    if (!export_of(context, exports, class_name)->IsFunction()) return no_class(class_name);
  return {};
}

Status WorkerImpl::open_actor(v8::Local<v8::Context> context, v8::Local<v8::Object> exports,
                              const Actor& actor) {
  v8::Isolate* isolate = box_.get();
  v8::TryCatch caught(isolate);
  const v8::Local<v8::Value> found = export_of(context, exports, actor.name.class_name);
  if (!found->IsFunction()) return no_class(actor.name.class_name);
  std::array<v8::Local<v8::Value>, 5> arguments{
      found, text(isolate, actor.name.class_name), text(isolate, actor.name.id),
      text(isolate, actor.home.name_space), text(isolate, actor.home.key)};
  v8::Local<v8::Value> made;
  if (!isolate_->open_actor.Get(isolate)
           ->Call(context, v8::Undefined(isolate), static_cast<int>(arguments.size()),
                  arguments.data())
           .ToLocal(&made))
    return fail(Code::threw, describe_exception(context, caught.Exception()));
  const auto object = made.As<v8::Object>();
  handler_.Reset(isolate, object);
  fetch_.Reset(isolate, export_of(context, object, "fetch").As<v8::Function>());
  alarm_.Reset(isolate, export_of(context, object, "alarm").As<v8::Function>());
  return {};
}

uint32_t WorkerImpl::block() {
  ++blockers_[current_];
  return current_;
}

void WorkerImpl::unblock(uint32_t call) {
  const auto found = blockers_.find(call);
  if (found != blockers_.end() && --found->second == 0) blockers_.erase(found);
}

void WorkerImpl::reset(std::string why) {
  if (is_actor_ && reset_why_.empty()) reset_why_ = std::move(why);
}

void WorkerImpl::reset_all() {
  if (reset_why_.empty() || is_reset_) return;
  is_reset_ = true;
  fail_all({Code::cancelled, "the actor starts anew: " + reset_why_});
  for (const Held& event : std::exchange(held_, {})) event.run();  // they find their calls gone
  blockers_.clear();
}

void WorkerImpl::when_turn_ends(v8::Local<v8::Function> work) { turn_end_.Reset(box_.get(), work); }

bool WorkerImpl::has_asks(uint32_t call, bool of_storage) const {
  return std::ranges::any_of(asks_,
                             [&](const auto& ask) {
                               return ask.second.call == call &&
                                      (!of_storage || ask.second.kind != Kind::event);
                             }) ||
         std::ranges::any_of(joins_, [&](const Join& join) { return join.call == call; });
}

v8::Local<v8::Value> WorkerImpl::join(v8::Local<v8::Context> context, uint32_t writes) {
  v8::Local<v8::Promise::Resolver> promise;
  if (!v8::Promise::Resolver::New(context).ToLocal(&promise)) return {};
  if (calls_.contains(current_))
    joins_.push_back({current_, writes, v8::Global<v8::Promise::Resolver>(box_.get(), promise)});
  return promise->GetPromise();
}

bool WorkerImpl::is_ready(const Join& join) const {
  return join.writes <= saved_ && !is_held(join.call, Kind::read);
}

/// Each in a turn of its own call: what follows is that call's, to its gate and its limits.
void WorkerImpl::settle_joins() {
  const auto ready = [this](const Join& join) { return is_ready(join); };
  for (auto next = std::ranges::find_if(joins_, ready); next != joins_.end();
       next = std::ranges::find_if(joins_, ready)) {
    const Join join = std::move(*next);
    joins_.erase(next);
    call_turn(join.call, [&](v8::Local<v8::Context> context) {
      const auto promise = join.promise.Get(box_.get());
      (void)promise->Resolve(context, v8::Undefined(box_.get())).IsNothing();
    });
  }
}

bool WorkerImpl::is_held(uint32_t call, Kind kind) const {
  if (!is_actor_ || kind == Kind::write || is_reset_) return false;
  if (!blockers_.empty()) return !blockers_.contains(call);
  if (kind == Kind::read) return false;
  return std::ranges::any_of(asks_, [](const auto& ask) { return ask.second.kind == Kind::read; });
}

void WorkerImpl::enter(uint32_t call, Kind kind, std::function<void()> event) {
  // In the order of their arrival.
  const bool waits_its_turn = !held_.empty() && kind == Kind::event && !blockers_.contains(call);
  if (!waits_its_turn && !is_held(call, kind)) return event();
  held_.push_back({call, kind, std::move(event)});
  release_later();
}

void WorkerImpl::when_in(uint32_t ask, std::function<void()> event) {
  const auto found = asks_.find(ask);
  if (found == asks_.end()) return;
  enter(found->second.call, found->second.kind, std::move(event));
}

void WorkerImpl::release_later() {
  const auto may_enter = [this](const Held& event) { return !is_held(event.call, event.kind); };
  const auto ready = [this](const Join& join) { return is_ready(join); };
  if (releasing_ || (std::ranges::none_of(held_, may_enter) && std::ranges::none_of(joins_, ready)))
    return;
  releasing_ = true;
  host_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) release();
  });
}

/// One event, as a turn of its own: it may close the gate behind it.
void WorkerImpl::release() {
  releasing_ = false;
  const std::weak_ptr alive(alive_);
  settle_joins();
  const auto first = std::ranges::find_if(
      held_, [this](const Held& event) { return !is_held(event.call, event.kind); });
  if (first != held_.end()) {
    const std::function<void()> run = std::move(first->run);
    held_.erase(first);
    run();
    if (alive.expired()) return;
    release_later();
  }
  deliver();
}

}  // namespace themis::js
