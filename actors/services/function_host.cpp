#include "actors/services/function_host.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/mesh/instance.hpp"
#include "actors/queues/queue_types.hpp"
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
          of(settings.limits.wall_ms, node.wall_ms)};
}

CodeId id_at_workers(const CodeId& code, std::string_view owner) {
  return crypto::blake2b(as_bytes(to_hex(code) + " " + std::string(owner)));
}

void FunctionHost::host(const HostedRow& row, std::optional<NodeId> asker,
                        caf::response_promise promise) {
  const auto refuse = [&](Code code, std::string detail) {
    promise.deliver(to_caf({code, std::move(detail)}));
  };
  if (!context_.workers) return refuse(Code::unavailable, "this node runs no functions");
  const auto found = hosted_.find(row.name);
  if (found != hosted_.end() && found->second == row.version) {
    promise.deliver(ack());
    return;
  }
  if (found != hosted_.end() && row.version < found->second)
    return refuse(Code::exists, "a newer version of \"" + row.name + "\" is hosted here");
  if (found == hosted_.end() && hosted_.size() + changes_.size() >= kHostedMax)
    return refuse(Code::overloaded, "this node hosts as many functions as it may");
  const auto [change, fresh] = changes_.try_emplace(row.name);
  if (!fresh && change->second.version != row.version)
    return refuse(Code::overloaded, "another version of \"" + row.name + "\" is being taken in");
  if (!change->second.unhost.empty())
    return refuse(Code::overloaded, "\"" + row.name + "\" is being let go; try again");
  change->second.waiters.push_back(std::move(promise));
  if (!fresh) return;
  change->second.version = row.version;
  change->second.owner = asker ? asker->bytes : context_.self.id.bytes;
  change->second.key = row.key;
  change->second.asker = asker;
  load(row.name);
}

void FunctionHost::load(const std::string& name) {
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
  Result<bundle::Bundle> code = bundle::read_code(*change.source, name);
  if (!code) return finish(name, fail(code.error()));
  change.settings = std::make_shared<const bundle::Settings>(std::move(code->settings));
  const InstallFunction order{name,
                              worker_id(name, change.version.id, change.owner),
                              change.source,
                              limits_of(*change.settings, context_.limits),
                              owner_text(name, change.owner),
                              change.key,
                              change.settings};
  when_done(
      context_.actor.request(context_.workers, caf::infinite, order), [this, name] { save(name); },
      [this, name](const caf::error& error) { finish(name, fail(from_caf(error))); });
}

void FunctionHost::save(const std::string& name) {
  const Change& change = changes_.at(name);
  loaded_[change.version.id].insert(worker_id(name, change.version.id, change.owner));
  if (change.restoring) return announce(name);
  const SaveHosted order{{name, change.version, change.owner, change.key}, change.source};
  when_done(
      context_.actor.request(context_.store, caf::infinite, order),
      [this, name] { announce(name); },
      [this, name](const caf::error& error) {
        const CodeId id = changes_.at(name).version.id;
        use(id, 1, 0);
        use(id, -1, 0);  // retires it when nothing else runs it
        finish(name, fail(from_caf(error)));
      });
}

void FunctionHost::announce(const std::string& name) {
  const FunctionVersion version = changes_.at(name).version;
  const auto before = hosted_.find(name);
  use(version.id, 1, 0);
  if (before != hosted_.end()) use(before->second.id, -1, 0);
  hosted_[name] = version;
  owners_[name] = changes_.at(name).owner;
  const SettingsPtr& settings = changes_.at(name).settings;
  with_crons_.erase(name);
  if (!settings->crons.empty()) with_crons_.emplace(name, settings);
  with_actors_.erase(name);
  if (!settings->actors.empty())
    with_actors_.emplace(name, HostedRow{name, version, {}, changes_.at(name).key});
  withdraw_queues(name, *settings);
  announce_queues(name, version, *settings);
  log::info("functions", "hosting {} version {} ({})", name, version.number,
            to_hex(version.id).substr(0, 8));
  const ProvideName provide{.name = ring_name_of_function(name),
                            .payload = encode_payload({version}),
                            .version = std::to_string(version.number)};
  // The ring goes on announcing it whatever the outcome now.
  when_done(
      context_.actor.request(context_.node, caf::infinite, provide),
      [this, name] { finish(name, {}); },
      [this, name](const caf::error& error) {
        log::warn("functions", "{} is not announced yet: {}", name, describe(error));
        finish(name, {});
      });
}

void FunctionHost::finish(const std::string& name, const Status& status) {
  auto node = changes_.extract(name);
  Change& change = node.mapped();
  deliver(change.waiters, status);
  if (change.restoring) restored({name, change.version, change.owner, change.key}, status);
  for (caf::response_promise& promise : change.unhost) unhost(name, std::move(promise));
}

void FunctionHost::unhost(const std::string& name, caf::response_promise promise) {
  if (const auto change = changes_.find(name); change != changes_.end()) {
    change->second.unhost.push_back(std::move(promise));
    return;
  }
  const auto waits = [&name](const Later& later) { return later.row.name == name; };
  const auto found = hosted_.find(name);
  if (std::erase_if(restores_, waits) == 0 && found == hosted_.end()) {
    promise.deliver(ack());
    return;
  }
  if (found != hosted_.end()) {
    const CodeId id = found->second.id;
    hosted_.erase(found);
    owners_.erase(name);
    with_crons_.erase(name);
    with_actors_.erase(name);
    withdraw_queues(name, {});
    use(id, -1, 0);
    log::info("functions", "no longer hosting {}", name);
    context_.actor.send(context_.node, WithdrawName{ring_name_of_function(name)});
  }
  const uint64_t owed = unhosted_.add(std::move(promise));
  when_done(
      context_.actor.request(context_.store, caf::infinite, EraseHosted{name}),
      [this, owed] { unhosted_.take(owed).deliver(ack()); },
      [this, owed](const caf::error& error) { unhosted_.take(owed).deliver(error); });
}

Result<CodeId> FunctionHost::resolve(const InvokeTarget& target) const {
  if (target.by_code) {
    const auto loaded = loaded_.find(target.id);
    if (loaded != loaded_.end()) return *loaded->second.begin();
    return fail(Code::not_found, "the code " + to_hex(target.id) + " does not run here");
  }
  const auto found = hosted_.find(target.function);
  if (found != hosted_.end())
    return worker_id(target.function, found->second.id, owners_.at(target.function));
  return fail(Code::not_found, "\"" + target.function + "\" does not run here");
}

std::string FunctionHost::owner_text(const std::string& name, const crypto::Digest& owner) const {
  return context_.alone ? "fn/" + name : to_hex(owner);
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
  for (const auto& [name, version] : hosted_)
    if (version.id == id) names.push_back(name);
  return names;
}

void FunctionHost::announce_queues(const std::string& name, const FunctionVersion& version,
                                   const bundle::Settings& settings) {
  for (const auto& [queue, consumer] : settings.consumers) {
    const auto [known, fresh] = consumers_.emplace(queue, name);
    if (!fresh && known->second != name) {
      log::warn("functions", "{} consumes the queue {}, which {} takes here", name, queue,
                known->second);
      continue;
    }
    ProvideName provide{.name = ring_name_of_queue(queue),
                        .payload = encode_consumer({name, version.number, consumer}),
                        .version = std::to_string(version.number)};
    provide.labels.push_back(mesh::kNoCalls);
    when_done(
        context_.actor.request(context_.node, caf::infinite, provide), [] {},
        [name, queue = queue](const caf::error& error) {
          log::warn("functions", "{} is not announced yet as a consumer of {}: {}", name, queue,
                    describe(error));
        });
  }
}

void FunctionHost::withdraw_queues(const std::string& name, const bundle::Settings& kept) {
  std::erase_if(consumers_, [&](const auto& entry) {
    const bool goes = entry.second == name && !kept.consumers.contains(entry.first);
    if (goes) context_.actor.send(context_.node, WithdrawName{ring_name_of_queue(entry.first)});
    return goes;
  });
}

void FunctionHost::keep(const CodeId& id) { use(id, 0, 1); }
void FunctionHost::release(const CodeId& id) { use(id, 0, -1); }

void FunctionHost::use(const CodeId& id, int hosted, int deployed) {
  CodeUse& use = codes_[id];
  use.hosted += static_cast<size_t>(hosted);
  use.deployed += static_cast<size_t>(deployed);
  if (hosted < 0 && use.hosted == 0) retire(id);
  refresh_announcement(id, use);
  if (use.hosted == 0 && use.deployed == 0) codes_.erase(id);
}

void FunctionHost::refresh_announcement(const CodeId& id, CodeUse& use) {
  std::optional<bool> wanted;
  if (use.hosted + use.deployed > 0) wanted = use.hosted > 0;
  if (wanted == use.announced) return;
  use.announced = wanted;
  if (!wanted) return context_.actor.send(context_.node, WithdrawName{ring_name_of_code(id)});
  ProvideName provide{.name = ring_name_of_code(id), .payload = encode_payload({{0, id}})};
  if (!*wanted) provide.labels.push_back(mesh::kNoCalls);
  // The ring goes on announcing it whatever the outcome now.
  when_done(context_.actor.request(context_.node, caf::infinite, provide));
}

void FunctionHost::restore(const std::vector<HostedRow>& rows) {
  if (!context_.workers) return;
  for (const HostedRow& row : rows) restores_.push_back({context_.loop.now(), row});
  restore_next();
}

void FunctionHost::restore_next() {
  while (restoring_ < kRestoresMax && !restores_.empty() &&
         restores_.front().due <= context_.loop.now()) {
    const HostedRow row = std::move(restores_.front().row);
    restores_.pop_front();
    if (hosted_.contains(row.name)) continue;  // somebody asked for it meanwhile
    const auto [change, fresh] = changes_.try_emplace(row.name);
    if (!fresh) {  // another version is on its way in, and may fail
      restores_.push_back({context_.loop.now() + kRestoreRetry, row});
      continue;
    }
    change->second.version = row.version;
    change->second.owner = row.owner;
    change->second.key = row.key;
    change->second.restoring = true;
    ++restoring_;
    load(row.name);
  }
}

void FunctionHost::restored(const HostedRow& row, const Status& status) {
  --restoring_;
  if (!status && is_functions_own(status.error().code)) {
    log::error("functions", "{} is given up: {}", row.name, status.error().text());
    when_done(context_.actor.request(context_.store, caf::infinite, EraseHosted{row.name}));
  } else if (!status) {
    log::warn("functions", "{} is not up yet: {}", row.name, status.error().text());
    restores_.push_back({context_.loop.now() + kRestoreRetry, row});
  }
  restore_next();
}

void FunctionHost::stop() {
  const Status stopped = fail(Code::cancelled, "the function service ended");
  for (auto& [name, change] : changes_) {
    deliver(change.waiters, stopped);
    deliver(change.unhost, stopped);
  }
  changes_.clear();
  unhosted_.refuse_all(stopped.error());
}

void FunctionHost::retire(const CodeId& id) {
  std::erase_if(retired_, [&id](const Retired& one) { return one.id == id; });
  if (retired_.size() >= kRetiredMax) unload_oldest();
  retired_.push_back({context_.loop.now() + kGrace, id});
}

/// Installed it may be already, and not counted yet.
bool FunctionHost::is_coming(const CodeId& id) const {
  return std::ranges::any_of(changes_,
                             [&id](const auto& change) { return change.second.version.id == id; });
}

void FunctionHost::unload_oldest() {
  const CodeId id = retired_.front().id;
  retired_.pop_front();
  const auto used = codes_.find(id);
  if (used != codes_.end() && used->second.hosted > 0) return;
  if (is_coming(id)) return retire(id);
  const auto loaded = loaded_.extract(id);
  if (!loaded) return;
  for (const CodeId& one : loaded.mapped())
    context_.actor.send(context_.workers, UninstallFunction{one});
}

void FunctionHost::tick() {
  restore_next();
  const TimePoint now = context_.loop.now();
  while (!retired_.empty() && retired_.front().due <= now) unload_oldest();
}

}  // namespace themis
