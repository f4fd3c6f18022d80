#pragma once
// Dead letters: messages that nobody took, counted by type and logged without flooding the log.

#include <caf/fwd.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"

namespace themis {

enum class DeadLetterKind : uint8_t {
  unexpected,  ///< The receiver has no handler for it.
  bounced,     ///< A request whose receiver was gone.
  to_dead,     ///< A send to a hosted actor that had ended.
};
std::string_view name(DeadLetterKind kind);

/// Counters since the start of the process.
struct DeadLetterCounts {
  uint64_t unexpected = 0;
  uint64_t bounced = 0;
  uint64_t to_dead = 0;
  std::map<std::string, uint64_t> by_type;

  uint64_t total() const { return unexpected + bounced + to_dead; }
};

/// Any thread.
class DeadLetters {
 public:
  /// The types told apart; a later one is counted as "other". There are fewer kinds of message in a
  /// process than this, so only an attack or a bug comes here.
  static constexpr size_t kTypesMax = 128;
  /// At most one line in this time, with the number of those that had none.
  static constexpr Duration kLogInterval = 1s;

  /// `type`: the message's type for people. `now`: of one clock, the actor's.
  void record(DeadLetterKind kind, std::string_view type, TimePoint now);
  DeadLetterCounts counts() const;
  /// Lines written so far.
  uint64_t lines() const;

 private:
  mutable std::mutex mutex_;
  DeadLetterCounts counts_;
  TimePoint last_line_{};
  uint64_t lines_ = 0;
  uint64_t unlogged_ = 0;
};

/// The process's counter, as the log is the process's: for status and metrics. Any thread.
DeadLetters& dead_letters();

/// The names of a message's element types: "themis::wire::Msg<FindRequest>", "@atom, @str". Atoms
/// and values are left out, since they may hold what a user sent.
std::string type_name(const caf::type_erased_tuple& message);

/// Default handler of every actor instead of CAF's print_and_drop, which lets a peer write to
/// stdout: counts the message and answers a request with `sec::unexpected_message`. Use:
/// `self->set_default_handler(dead_letter)`.
caf::result<caf::message> dead_letter(caf::scheduled_actor* self, caf::message_view& message);

/// Error handler of every actor: an `error` message that nobody asked for is a dead letter; CAF's
/// default would end the actor, so that any sender could kill it. Use:
/// `self->set_error_handler(dead_error)`.
void dead_error(caf::scheduled_actor* self, caf::error& error);

/// Sets the two above and `exception_to_error` on an actor: the first line of each make_behavior().
void set_default_handlers(caf::scheduled_actor& self);

}  // namespace themis
