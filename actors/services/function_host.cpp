#include "actors/services/function_host.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/services/code_finder.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

void deliver(std::vector<caf::response_promise>& promises, const Status& status) {
  for (caf::response_promise& promise : promises) {
    if (status) {
      promise.deliver(ack());
    } else {
      promise.deliver(to_caf(status.error()));
    }
  }
}

}  // namespace

FunctionLimits limits_of(const bundle::Settings& settings, const FunctionLimits& node) {
  const auto of = [](uint32_t wanted, uint32_t most) {
    return wanted == 0 ? most : std::min(wanted, most);
  };
  return {of(settings.limits.memory_mb, node.memory_mb), of(settings.limits.cpu_ms, node.cpu_ms),
          of(settings.limits.wall_ms, node.wall_ms),
          of(settings.limits.max_requests, node.max_requests)};
}

namespace {

/// Such a function is loaded at a start, and has a record of its own.
bool has_events(const bundle::Settings& settings) {
  return !settings.crons.empty() || !settings.consumers.empty() || !settings.actors.empty();
}

ProvideName offer_of(const std::string& name, const FunctionVersion& version) {
  return {.name = ring_name_of_function(name),
          .payload = encode_payload({version}),
          .version = std::to_string(version.number)};
}

}  // namespace

CodeId id_at_workers(const CodeId& code, std::string_view owner) {
  return crypto::blake2b(as_bytes(to_hex(code) + " " + std::string(owner)));
}

void FunctionHost::host(const HostedRow& row, std::optional<NodeId> asker,
                        caf::response_promise promise, const CanaryShare& canary) {
  const auto refuse = [&](Code code, std::string detail) {
    promise.deliver(to_caf({code, std::move(detail)}));
  };
  if (!context_.workers) return refuse(Code::unavailable, "this node runs no functions");
  const std::string key = canary.percent > 0 ? canary_key(row.name) : row.name;
  const auto found = hosted_.find(key);
  if (found != hosted_.end() && found->second.version == row.version) {
    promise.deliver(ack());
    return;
  }
  if (found != hosted_.end() && row.version < found->second.version)
    return refuse(Code::exists, "a newer version of \"" + row.name + "\" is hosted here");
  if (found == hosted_.end() && hosted_.size() + changes_.size() >= kHostedMax)
    return refuse(Code::overloaded, "this node hosts as many functions as it may");
  // A listing would not say that it is one.
  if (canary.percent > 0 && !names_.has_room(true))
    return refuse(Code::overloaded, "this node hosts as many functions with canaries as it may");
  const auto known = changes_.find(key);
  if (known == changes_.end() && changes_.size() >= kChangesMax)
    return refuse(Code::overloaded, "too many functions are being taken in; try again");
  if (known != changes_.end() && known->second.waking) {
    known->second.later.push_back({row, asker, std::move(promise), canary});
    return;
  }
  if (known != changes_.end() && known->second.version != row.version)
    return refuse(Code::overloaded, "another version of \"" + row.name + "\" is being taken in");
  if (known != changes_.end() && !known->second.unhost.empty())
    return refuse(Code::overloaded, "\"" + row.name + "\" is being let go; try again");
  Change& change = changes_[key];
  change.waiters.push_back(std::move(promise));
  if (known != changes_.end()) return;
  change.version = row.version;
  change.owner = asker ? asker->bytes : context_.self.id.bytes;
  change.key = row.key;
  change.asker = asker;
  change.canary = canary;
  load(key);
}

/// The code is on disk; should it be damaged, others have it.
void FunctionHost::wake(const std::string& name, Woken woken) {
  const auto refuse = [&woken](Code code, std::string detail) {
    woken(fail(code, std::move(detail)));
  };
  const auto found = hosted_.find(name);
  if (found == hosted_.end()) return refuse(Code::not_found, "\"" + name + "\" does not run here");
  const auto known = changes_.find(name);
  if (wakers_ >= kWakersMax || (known == changes_.end() && changes_.size() >= kChangesMax))
    return refuse(Code::overloaded, "too many functions are being brought in; try again");
  ++wakers_;
  Change& change = changes_[name];
  change.wakers.push_back(std::move(woken));
  if (known != changes_.end()) return;
  change.version = found->second.version;
  change.owner = *found->second.owner;
  change.key = found->second.key;
  change.waking = true;
  load(name);
}

void FunctionHost::load(const std::string& name) {
  const Change& change = changes_.at(name);
  const CodeId& id = change.version.id;
  const LoadFunction wanted{id, worker_id(name, id, change.owner)};
  context_.actor.request(context_.store, caf::infinite, wanted)
      .then(
          [this, name](const FunctionCode& code) {
            changes_.at(name).cache = code.cache;
            install(name, code.source);
          },
          [this, name](const caf::error&) { fetch(name); });
}

void FunctionHost::fetch(const std::string& name) {
  const Change& change = changes_.at(name);
  find_code(context_, change.version.id, change.asker,
            [this, name](const Result<FoundCode>& found) {
              if (!found) return finish(name, fail(found.error()));
              fetched_ += found->was_fetched ? 1 : 0;
              install(name, found->source);
            });
}

void FunctionHost::install(const std::string& name, CodePtr source) {
  Change& change = changes_.at(name);
  change.source = std::move(source);
  const std::string function = function_of_key(name);
  Result<bundle::Bundle> code = bundle::read_code(*change.source, function);
  if (!code) return finish(name, fail(code.error()));
  change.settings = std::make_shared<const bundle::Settings>(std::move(code->settings));
  const auto found = hosted_.find(name);
  const bool has_record = found != hosted_.end() && found->second.shown == Shown::alone;
  if (!change.waking && has_events(*change.settings) && !has_record && !names_.has_room(true))
    return finish(name, fail(Code::overloaded,
                             "this node hosts as many functions with cron lines or queues as it "
                             "may"));
  InstallFunction order{function,
                        worker_id(name, change.version.id, change.owner),
                        change.source,
                        limits_of(*change.settings, context_.limits),
                        owner_text(name, change.owner),
                        change.key,
                        change.settings,
                        change.cache,
                        context_.store};
  order.deployer = deployer_text(change.owner);
  when_done(
      context_.actor.request(context_.workers, caf::infinite, order),
      [this, name] { installed(name); },
      [this, name](const caf::error& error) { finish(name, fail(from_caf(error))); });
}

void FunctionHost::installed(const std::string& name) {
  ++loads_;
  const Change& change = changes_.at(name);
  const CodeId id = worker_id(name, change.version.id, change.owner);
  const auto [entry, fresh] = loaded_[change.version.id].try_emplace(id);
  entry->second.last_used = ++last_use_;
  if (fresh) {
    entry->second.bytes = change.source->size();
    installed_bytes_ += change.source->size();
    ++installed_;
    make_room();
  }
  if (!change.waking && change.canary.percent > 0) return announce(name);
  if (!change.waking) return save(name);
  if (!is_canary_key(name)) take_events(name, change);
  finish(name, {});
}

void FunctionHost::save(const std::string& name) {
  const Change& change = changes_.at(name);
  const SaveHosted order{
      {name, change.version, change.owner, change.key, has_events(*change.settings)},
      change.source};
  when_done(
      context_.actor.request(context_.store, caf::infinite, order),
      [this, name] { announce(name); },
      [this, name](const caf::error& error) {
        retire(changes_.at(name).version.id);
        finish(name, fail(from_caf(error)));
      });
}

void FunctionHost::announce(const std::string& key) {
  const Change& change = changes_.at(key);
  const bool is_canary = change.canary.percent > 0;
  const std::string name = function_of_key(key);
  add({key, change.version, change.owner, change.key, has_events(*change.settings)});
  if (is_canary) {
    canaries_.insert_or_assign(name, change.canary);
  } else {
    take_events(key, change);
  }
  log::info("functions", "hosting {} version {} ({})", key, change.version.number,
            to_hex(change.version.id).substr(0, 8));
  say(name, [this, key] { finish(key, {}); });
}

void FunctionHost::say(const std::string& name, FunctionNames::Done done) {
  const auto stable = hosted_.find(name);
  const auto canary = hosted_.find(canary_key(name));
  const bool is_beside = stable != hosted_.end();
  Hosted& hosted = is_beside ? stable->second : canary->second;
  ProvideName offer = offer_of(name, hosted.version);
  if (canary != hosted_.end()) {
    // Who was there first has said the name.
    Shown& other = canary->second.shown;
    if (is_beside && other != Shown::no) hosted.shown = std::exchange(other, Shown::no);
    add_canary_labels(offer.labels, canaries_.at(name), canary->second.version.number, is_beside);
  }
  names_.show(hosted.shown, std::move(offer), hosted.has_events || canary != hosted_.end(),
              std::move(done));
}

/// What it did before for its clock and its queues ends.
void FunctionHost::take_events(const std::string& name, const Change& change) {
  hosted_.at(name).has_events = has_events(*change.settings);
  with_crons_.erase(name);
  if (!change.settings->crons.empty()) with_crons_.emplace(name, change.settings);
  with_actors_.erase(name);
  if (!change.settings->actors.empty())
    with_actors_.emplace(name, HostedRow{name, change.version, change.owner, change.key});
  names_.show_queues(name, change.version, *change.settings);
}

void FunctionHost::add(const HostedRow& row) {
  const auto [entry, fresh] = hosted_.try_emplace(row.name);
  Hosted& hosted = entry->second;
  const CodeId before = hosted.version.id;
  hosted.version = row.version;
  hosted.owner = &*owners_.insert(row.owner).first;
  hosted.key = row.key;
  hosted.has_events = row.has_events;
  hosted.at_workers.reset();
  if (!fresh && before == row.version.id) return;
  use(row.version.id, entry->first);
  if (!fresh) leave(before, entry->first);
}

void FunctionHost::finish(const std::string& name, const Status& status) {
  auto node = changes_.extract(name);
  Change& change = node.mapped();
  deliver(change.waiters, status);
  if (change.waking && !status && is_functions_own(status.error().code)) {
    log::error("functions", "{} is given up: {}", name, status.error().text());
    let_go(name);
    when_done(context_.actor.request(context_.store, caf::infinite, EraseHosted{name}));
  }
  wakers_ -= change.wakers.size();
  for (Woken& woken : change.wakers) {
    if (status) {
      woken(worker_id(name, change.version.id, change.owner));
    } else if (change.waking) {
      woken(fail(status.error()));
    } else {
      wake(name, std::move(woken));  // the version before is what runs
    }
  }
  for (Asked& asked : change.later)
    host(asked.row, asked.asker, std::move(asked.promise), asked.canary);
  for (caf::response_promise& promise : change.unhost) unhost(name, std::move(promise));
}

/// All but its row. What else of the function runs here goes on, and is said alone.
void FunctionHost::let_go(const std::string& key) {
  const auto found = hosted_.find(key);
  if (found == hosted_.end()) return;
  const std::string name = function_of_key(key);
  const auto other = hosted_.find(is_canary_key(key) ? name : canary_key(name));
  Shown shown = found->second.shown;
  if (other != hosted_.end() && other->second.shown == Shown::no)
    other->second.shown = std::exchange(shown, Shown::no);
  if (other == hosted_.end()) names_.hide(shown, ring_name_of_function(name));
  if (is_canary_key(key)) {
    canaries_.erase(name);
  } else {
    names_.hide_queues(name, {});
    with_crons_.erase(name);
    with_actors_.erase(name);
  }
  leave(found->second.version.id, found->first);
  hosted_.erase(found);
  if (other != hosted_.end()) say(name);
  log::info("functions", "no longer hosting {}", key);
}

void FunctionHost::unhost(const std::string& name, caf::response_promise promise) {
  if (const auto change = changes_.find(name); change != changes_.end()) {
    change->second.unhost.push_back(std::move(promise));
    return;
  }
  const size_t waiting =
      std::erase_if(rows_, [&](const HostedRow& row) { return row.name == name; });
  if (waiting == 0 && !hosted_.contains(name)) {
    promise.deliver(ack());
    return;
  }
  let_go(name);
  if (is_canary_key(name)) return promise.deliver(ack());  // it was not written
  const uint64_t owed = unhosted_.add(std::move(promise));
  when_done(
      context_.actor.request(context_.store, caf::infinite, EraseHosted{name}),
      [this, owed] { unhosted_.take(owed).deliver(ack()); },
      [this, owed](const caf::error& error) { unhosted_.take(owed).deliver(error); });
}

Result<FunctionHost::Place> FunctionHost::find(const InvokeTarget& target, bool of_canary) {
  const auto place = [this](const std::string& key, const CodeId& code, const CodeId& at_workers) {
    Place found{{}, at_workers};
    if (const auto loaded = loaded_.find(code); loaded != loaded_.end())
      if (const auto at = loaded->second.find(at_workers); at != loaded->second.end()) {
        at->second.last_used = ++last_use_;
        found.is_installed = true;
      }
    if (!found.is_installed) found.key = key;
    return found;
  };
  if (!target.by_code) {
    const auto found = hosted_.find(of_canary ? canary_key(target.function) : target.function);
    if (found == hosted_.end())
      return fail(Code::not_found, "\"" + target.function + "\" does not run here");
    Hosted& hosted = found->second;
    const CodeId& code = hosted.version.id;
    if (!hosted.at_workers) hosted.at_workers = worker_id(found->first, code, *hosted.owner);
    return place(found->first, code, *hosted.at_workers);
  }
  if (const auto loaded = loaded_.find(target.id); loaded != loaded_.end())
    return place({}, target.id, loaded->second.begin()->first);
  const auto used = codes_.find(target.id);
  if (used == codes_.end() || used->second.hosted.empty())
    return fail(Code::not_found, "the code " + to_hex(target.id) + " does not run here");
  const std::string& name = *used->second.hosted.front();
  return place(name, target.id, worker_id(name, target.id, *hosted_.at(name).owner));
}

Result<FunctionVersion> FunctionHost::version_of(const std::string& name) const {
  const auto found = hosted_.find(name);
  if (found != hosted_.end()) return found->second.version;
  return fail(Code::not_found, "\"" + name + "\" does not run here");
}

std::vector<FunctionHost::Running> FunctionHost::running(const std::string& name) const {
  std::vector<Running> all;
  for (const std::string& key : {name, canary_key(name)})
    if (const auto found = hosted_.find(key); found != hosted_.end()) {
      const auto& [version, owner] = std::tie(found->second.version, found->second.owner);
      all.push_back({version, worker_id(name, version.id, *owner)});
    }
  return all;
}

const crypto::Digest* FunctionHost::owner_of(const std::string& name) const {
  auto found = hosted_.find(name);
  if (found == hosted_.end()) found = hosted_.find(canary_key(name));
  return found == hosted_.end() ? nullptr : found->second.owner;
}

std::string FunctionHost::owner_text(const std::string& key, const crypto::Digest& owner) const {
  return context_.alone ? "fn/" + function_of_key(key) : to_hex(owner);
}

CodeId FunctionHost::worker_id(const std::string& name, const CodeId& code,
                               const crypto::Digest& owner) const {
  return id_at_workers(code, owner_text(name, owner));
}

const HostedRow* FunctionHost::with_actors(const std::string& name) const {
  const auto found = with_actors_.find(name);
  return found == with_actors_.end() ? nullptr : &found->second;
}

std::vector<std::string> FunctionHost::names_of(const CodeId& id) const {
  std::vector<std::string> names;
  if (const auto used = codes_.find(id); used != codes_.end())
    for (const std::string* key : used->second.hosted) names.push_back(function_of_key(*key));
  return names;
}

void FunctionHost::restore(std::vector<HostedRow> rows) {
  if (!context_.workers) return;
  rows_ = std::move(rows);
  try_workers();
}

/// A node whose workers do not come up says of no function that it runs it. Each time another one
/// is tried: the code of one may be lost.
void FunctionHost::try_workers() {
  if (rows_.empty() || trying_) return;
  const HostedRow row = rows_[next_row_++ % rows_.size()];
  if (hosted_.contains(row.name)) return restore_all();  // deployed anew meanwhile
  add(row);
  trying_ = true;
  wake(row.name, [this, name = row.name](const Result<CodeId>& woken) {
    trying_ = false;
    if (woken || is_functions_own(woken.error().code)) return restore_all();
    if (woken.error().code == Code::cancelled) return;
    log::warn("functions", "{} and the others are not up yet: {}", name, woken.error().text());
    let_go(name);
  });
}

void FunctionHost::restore_all() {
  const std::vector<HostedRow> rows = std::exchange(rows_, {});
  names_.begin_start();
  // Those with events first: they have records of their own.
  for (const bool with_events : {true, false}) {
    for (const HostedRow& row : rows) {
      const auto known = hosted_.find(row.name);
      if (row.has_events != with_events ||
          (known != hosted_.end() && known->second.shown != Shown::no))
        continue;
      if (known == hosted_.end()) add(row);
      say(row.name);
      if (with_events) restores_.push_back({context_.loop.now(), row.name});
    }
  }
  names_.end_start();
  if (!rows.empty()) log::info("functions", "hosting {} functions again", rows.size());
  restore_next();
}

void FunctionHost::restore_next() {
  while (restoring_ < kRestoresMax && !restores_.empty() &&
         restores_.front().due <= context_.loop.now()) {
    const std::string name = std::move(restores_.front().name);
    restores_.pop_front();
    ++restoring_;
    wake(name, [this, name](const Result<CodeId>& woken) {
      --restoring_;
      if (!woken && woken.error().code != Code::cancelled && hosted_.contains(name)) {
        log::warn("functions", "{} is not up yet: {}", name, woken.error().text());
        restores_.push_back({context_.loop.now() + kRestoreRetry, name});
      }
    });
  }
}

void FunctionHost::stop() {
  const Status stopped = fail(Code::cancelled, "the function service ended");
  for (auto& [name, change] : std::exchange(changes_, {})) {
    deliver(change.waiters, stopped);
    deliver(change.unhost, stopped);
    for (const Woken& woken : change.wakers) woken(fail(stopped.error()));
    for (Asked& asked : change.later) asked.promise.deliver(to_caf(stopped.error()));
  }
  unhosted_.refuse_all(stopped.error());
}

void FunctionHost::tick() {
  try_workers();
  restore_next();
  const TimePoint now = context_.loop.now();
  while (!retired_.empty() && retired_.front().due <= now) unload_oldest();
}

}  // namespace themis
