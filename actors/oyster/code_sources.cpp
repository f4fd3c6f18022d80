#include "actors/oyster/code_sources.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/fetch/fetch_api.hpp"
#include "actors/oyster/body_reader.hpp"
#include "actors/services/function_api.hpp"
#include "actors/services/function_store_actor.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/worker/function_codec.hpp"
#include "runtime/base/log.hpp"
#include "runtime/bundle/bundle.hpp"
#include "runtime/http/url.hpp"
#include "runtime/oyster/requests.hpp"

namespace themis {
namespace {

using oyster::NoCode;
using oyster::Trouble;
using oyster::Uploaded;

constexpr std::string_view kMain = "main";

tl::unexpected<Trouble> no_code(NoCode why, std::string text) {
  return tl::unexpected<Trouble>(Trouble{why, std::move(text)});
}
tl::unexpected<Trouble> no_answer() {
  return no_code(NoCode::no_answer, "failed to retrieve calldata");
}

/// A bundle of the operator's own store stays one; anything from outside is one module.
FoundRunnable runnable(const Uploaded& uploaded, bool is_own) {
  RunnableCode code;
  code.is_string = uploaded.is_string;
  const ByteView text = as_bytes(uploaded.code);
  if (is_own && bundle::is_bundle(text)) {
    code.source = std::make_shared<const Bytes>(text.begin(), text.end());
  } else {
    bundle::Bundle one;
    one.main = kMain;
    one.modules.push_back({one.main, bundle::ModuleKind::es, Bytes(text.begin(), text.end())});
    const Result<Bytes> encoded = bundle::encode(one);
    if (!encoded) return no_code(NoCode::refused, encoded.error().detail);
    code.source = std::make_shared<const Bytes>(*encoded);
  }
  code.id = crypto::blake2b(*code.source);
  return std::make_shared<const RunnableCode>(std::move(code));
}

/// The list that lets the fetcher go wherever the operator wrote; the same object for all requests.
const std::shared_ptr<const FetchHosts>& anywhere() {
  static const auto hosts = std::make_shared<const FetchHosts>(FetchHosts{"*"});
  return hosts;
}

}  // namespace

bool CodeSources::find(const std::string& key, Then& then) {
  if (const auto kept = codes_.find(key); kept != codes_.end()) {
    kept->second.last_used = ++uses_;
    then(kept->second.code);
    return true;
  }
  std::vector<Then>& waiting = waiting_[key];
  waiting.push_back(std::move(then));
  return waiting.size() > 1;
}

void CodeSources::find_transaction(ByteView hash, Then then) {
  const std::string key = "tx/" + to_hex(hash);
  if (find(key, then)) return;
  if (hash.size() != 32 || options_.rpc.empty()) return deliver(key, no_answer());
  ask(options_.rpc, oyster::transaction_request(hash), [this, key](Result<std::string> answer) {
    took(key, answer ? oyster::read_transaction(*answer, options_.contract) : Found(no_answer()));
  });
}

void CodeSources::find_stored(const std::string& id, Then then) {
  const std::string key = "id/" + id;
  if (find(key, then)) return;
  const auto hash = oyster::parse_hash(id);
  if (!hash || !options_.functions) return ask_storage(key, id);
  CodeId code{};
  std::ranges::copy(*hash, code.begin());
  const auto found = [this, key](const CodePtr& source) {
    deliver(key, runnable(Uploaded{std::string(as_text(*source)), true}, true));
  };
  actor_.request(options_.functions, caf::infinite, FindCode{code})
      .then(found, [this, key, id](const caf::error&) { ask_storage(key, id); });
}

void CodeSources::ask_storage(const std::string& key, const std::string& id) {
  if (options_.storage.empty()) return deliver(key, no_answer());
  ask(options_.storage, oyster::storage_request(id), [this, key](Result<std::string> answer) {
    took(key, answer ? Found(Uploaded{std::move(*answer), true}) : Found(no_answer()));
  });
}

void CodeSources::check_deposit(ByteView hash, std::function<void(bool)> then) {
  if (options_.deposit_contract.empty()) return then(true);
  ask(options_.rpc, oyster::deposit_request(hash, options_.deposit_contract),
      [this, then = std::move(then)](Result<std::string> answer) {
        const Result<bool> paid =
            answer ? oyster::has_deposit(*answer, options_.deposit_min) : fail(answer.error());
        if (!paid) log::info("oyster", "the deposit is not known: {}", paid.error().text());
        then(paid && *paid);
      });
}

void CodeSources::ask(const std::string& url, std::string body,
                      std::function<void(Result<std::string>)> then) {
  ++fetched_;
  js::Request post{.method = "POST",
                   .url = url,
                   .headers = {{"content-type", "application/json"}},
                   .body = to_bytes(body)};
  const auto request = themis::encode_fetch(Requester{}, post, loop_.now() + kAskMax);
  if (!request) return then(fail(request.error()));
  // Not the whole URL: its path may be somebody's key.
  const Result<http::Url> where = http::parse_url(url);
  const auto read = [host = where ? where->authority() : std::string(),
                     then](Result<http::Response> answer) {
    if (!answer) {
      log::info("oyster", "{}: {}", host, answer.error().text());
      return then(fail(answer.error()));
    }
    if (answer->status == 200) return then(std::move(answer->body));
    log::info("oyster", "{}: answered with the status {}", host, answer->status);
    then(fail(Code::unavailable, "the status " + std::to_string(answer->status)));
  };
  actor_.request(options_.fetcher, caf::infinite, FetchOutward{*request, {anywhere()}})
      .then(
          [this, read](const OutcomeMsg& outcome) {
            read_answer(actor_, {options_.flows}, outcome, oyster::kAnswerBytesMax, read);
          },
          [read](const caf::error& error) { read(fail(from_caf(error))); });
}

void CodeSources::took(const std::string& key, const Found& found) {
  deliver(key,
          found ? runnable(*found, false) : FoundRunnable(tl::unexpected<Trouble>(found.error())));
}

void CodeSources::deliver(const std::string& key, const FoundRunnable& found) {
  const auto waiting = waiting_.extract(key);
  if (found) {
    codes_.insert_or_assign(key, Kept{*found, ++uses_});
    bytes_ += (*found)->source->size();
    make_room();
  }
  if (waiting.empty()) return;
  for (const Then& then : waiting.mapped()) then(found);
}

/// Whoever runs it at this moment keeps it for so long.
void CodeSources::make_room() {
  while (codes_.size() > kCodesMax || bytes_ > kCodesBytesMax) {
    const auto oldest = std::ranges::min_element(
        codes_, {}, [](const auto& entry) { return entry.second.last_used; });
    bytes_ -= oldest->second.code->source->size();
    codes_.erase(oldest);
  }
}

void CodeSources::stop() {
  waiting_.clear();
  options_.fetcher = options_.flows = options_.functions = nullptr;
}

}  // namespace themis
