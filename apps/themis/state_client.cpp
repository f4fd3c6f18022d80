#include "apps/themis/state_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include "runtime/http/json.hpp"

namespace themis::cli {
namespace {

using http::Json;

/// An empty object when there is no such file yet.
Maybe<Json> read_calls(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Json::object();
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Failure>(text.error());
  auto json = http::parse_json(*text);
  if (json && json->is_object()) return std::move(*json);
  return failed(path + ": is damaged; remove it, and the key registers anew");
}

}  // namespace

Maybe<ClientFile> ClientFile::open(const std::string& path) {
  const std::string folder = std::filesystem::absolute(path).parent_path();
  net::Descriptor lock{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (lock.get() < 0 || ::flock(lock.get(), LOCK_EX) != 0)
    return failed(fmt::format("--client: cannot use the directory {}: {}", folder,
                              std::generic_category().message(errno)));
  SystemRng rng;
  Result<FileSecret> secret = load_or_create_secret(path, "client's key", rng);
  if (!secret) return failed(secret.error().detail);
  return ClientFile(path, std::move(lock), crypto::DhKey(std::move(*secret)));
}

Maybe<std::optional<StateSeat>> ClientFile::seat(const std::string& name_space) const {
  const auto calls = read_calls(calls_path());
  if (!calls) return tl::unexpected<Failure>(calls.error());
  if (!calls->contains(name_space)) return std::optional<StateSeat>();
  const Json& entry = calls->at(name_space);
  const auto read = parse_state_answer(http::to_text(entry));
  const int64_t nonce = http::integer_or(entry, "nonce", -1);
  if (!read || !read->instance || !read->client || nonce < 0)
    return failed(calls_path() + ": is damaged; remove it, and the key registers anew");
  return StateSeat{*read->instance, *read->client, static_cast<uint64_t>(nonce)};
}

Outcome ClientFile::keep(const std::string& name_space, const StateSeat& seat) const {
  auto calls = read_calls(calls_path());
  if (!calls) return tl::unexpected<Failure>(calls.error());
  StateCall describe;
  describe.op = StateOp::describe;
  StateAnswer registered;
  registered.instance = std::make_shared<const receipts::Instance>(seat.instance);
  registered.client = seat.client;
  auto entry = http::parse_json(state_answer_json(describe, registered));
  if (!entry) return failed(entry.error().detail);
  (*calls)[name_space] = {
      {"instance", entry->at("instance")}, {"client", seat.client}, {"nonce", seat.nonce}};
  const std::string text = http::to_text(*calls, 2) + "\n";
  const Status written = write_private_file(calls_path(), as_bytes(text));
  if (!written) return failed(written.error().detail);
  return {};
}

}  // namespace themis::cli
