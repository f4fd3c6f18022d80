#pragma once
// What a service and the actor that runs it give each other. Included by service.hpp.

#include <coroutine>
#include <functional>
#include <string>
#include <utility>

#include "actors/monitor/state_answers.hpp"
#include "function.capnp.h"
#include "wire/msg.hpp"

namespace themis {

/// A request's parameters: `in.view()->getName()`. Its frame tells who asked (`in.frame()->peer()`,
/// null: this process), until when the answer is of use (`in.frame()->deadline()`), and whether
/// nobody waits for it any more (`in.frame()->cancelled()`, to be asked now and then by what
/// computes for long). A field that is not valid throws; the caller gets Code::malformed.
template <class S>
using In = wire::Msg<S>;
/// What is answered or asked: `out->setText(...)`.
template <class S>
using Out = wire::Builder<S>;

/// What functions ask a service (`env.SERVICES.fetch("check", ...)`) and get from it: a method from
/// HttpRequest to HttpResponse makes a service callable by them. The fields are those of HTTP:
/// `getMethod()`, `getUrl()`, `getHeaders()`, `getBody()`; `setStatus()`, `setBody()`.
using HttpRequest = schema::Invoke;
using HttpResponse = schema::Outcome;

/// Whether a request may run twice: one that may is sent again when its instance is lost. An
/// instance that is asked again runs it once all the same, and sends the same answer.
enum class Idempotent : bool { no, yes };

/// Takes the outcome of one request; called once, on the service's thread.
using Answer = std::function<void(Result<wire::FramePtr>)>;

/// A call that a service makes.
struct ServiceCall {
  std::string name;
  wire::FramePtr params;
  Idempotent idempotent = Idempotent::no;
  wire::FramePtr request = {};  ///< That is served by it: given up with it. Empty: none.
};

/// Takes the answer of the state; called once, on the service's thread.
using StateAnswered = std::function<void(Result<StateAnswer>)>;
using StateBatchAnswered = std::function<void(Result<StateAnswers>)>;

/// What a service may do besides answering. Implemented by the actor that runs it.
class ServiceContext {
 public:
  virtual ~ServiceContext() = default;
  /// Asks the service `name`, wherever in the mesh it runs. Errors: not_found, unavailable,
  /// timeout, overloaded, denied, rate_limited, and what the service answered.
  virtual void call(ServiceCall call, Answer then) = 0;
  /// Asks verified state. Errors: as Node::ask_state.
  virtual void ask_state(StateAsk ask, TimePoint deadline, StateAnswered then) = 0;
  virtual void ask_state(StateBatchAsk ask, TimePoint deadline, StateBatchAnswered then) = 0;
};

namespace detail {

/// Owns a waiting coroutine: resumes it once, or destroys it when nobody will.
class Suspended {
 public:
  explicit Suspended(std::coroutine_handle<> handle) : handle_(handle) {}
  Suspended(const Suspended&) = delete;
  Suspended& operator=(const Suspended&) = delete;
  ~Suspended() {
    if (handle_) handle_.destroy();
  }
  void resume() { std::exchange(handle_, nullptr).resume(); }

 private:
  std::coroutine_handle<> handle_;
};

}  // namespace detail

}  // namespace themis
