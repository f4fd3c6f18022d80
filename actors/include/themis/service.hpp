#pragma once
// Writing a service: a class whose methods are coroutines from one Cap'n Proto struct to another.
//
//   class Greeter : public themis::Service {
//    public:
//     themis::Reply<HelloResults> hello(themis::In<HelloParams> in) {
//       themis::Out<HelloResults> out;
//       out->setText(kj::str("Hello, ", in.view()->getName()));
//       co_return out;
//     }
//   };

#include <coroutine>
#include <exception>
#include <memory>
#include <string>

#include "themis/service_context.hpp"

namespace themis {

/// Base of every service. One instance lives in one actor: its methods never run at the same time,
/// so members need no lock; while one method waits in co_await, others run.
class Service {
 public:
  virtual ~Service() = default;

 protected:
  /// `auto seq = co_await call<NoteResults>("audit", note);` -> Result<In<NoteResults>>. It ends at
  /// `deadline`, with the request that is being answered at the latest, and is given up with it
  /// (Code::cancelled).
  template <class R, class P>
  auto call(std::string name, Out<P>& params, TimePoint deadline = TimePoint::max(),
            Idempotent idempotent = Idempotent::no);
  /// `auto old = co_await state({.name_space = "notes", .key = "first"});` -> Result<StateAnswer>.
  /// With `wait` when the epoch is certified. Ends with the request that is being answered.
  auto state(StateCall call, bool wait = false);
  /// Many calls of one namespace in one message, answered in their order:
  ///   StateBatch batch;  // whose get(), put() ... say when a call is none
  ///   batch.get("notes", "first"); batch.put("notes", "second", value);
  ///   const auto answers = co_await state(std::move(batch));  // -> Result<StateAnswers>
  ///   for (const Result<StateAnswer>& each : answers->all()) ...
  auto state(StateBatch calls, bool wait = false);

 private:
  template <class R>
  friend class Reply;
  friend class ServiceRunner;
  ServiceContext* context_ = nullptr;
  Answer answer_;  ///< Of the method that is about to start.
};

/// What a method returns. `co_return out;`, or `co_return Error{Code::not_found, "no such user"};`.
/// A method that throws answers Code::threw with what(); one that is destroyed while it waits (the
/// service ended) answers Code::cancelled.
template <class R>
class Reply {
 public:
  class promise_type {
   public:
    template <class S, class P>
    promise_type(S& service, const In<P>& request)
        : answer_(std::exchange(static_cast<Service&>(service).answer_, nullptr)),
          request_(request.frame()) {}
    ~promise_type() {
      if (answer_) answer_(fail(Code::cancelled, "the service ended before it answered"));
    }
    const wire::FramePtr& request() const { return request_; }
    Reply get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(Out<R>&& out) { finish(out.finish().frame()); }
    void return_value(Out<R>& out) { finish(out.finish().frame()); }
    void return_value(In<R> message) { finish(message.frame()); }
    void return_value(Error error) { finish(fail(std::move(error))); }
    void unhandled_exception() {
      try {
        throw;
      } catch (const kj::Exception& fault) {
        finish(fail(Code::malformed, fault.getDescription().cStr()));
      } catch (const std::exception& fault) {
        finish(fail(Code::threw, fault.what()));
      } catch (...) {
        finish(fail(Code::threw, "an exception without a text"));
      }
    }

   private:
    void finish(Result<wire::FramePtr> outcome) {
      std::exchange(answer_, nullptr)(std::move(outcome));
    }
    Answer answer_;
    wire::FramePtr request_;
  };
};

namespace detail {

template <class R>
struct CallAwaiter {
  ServiceContext* context;
  ServiceCall call;
  Result<wire::FramePtr> outcome = fail(Code::cancelled, "not answered");

  bool await_ready() const noexcept { return false; }
  /// `Promise`: of a Reply.
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) {
    call.request = handle.promise().request();
    wire::Frame& params = *call.params.writable();
    params.set_deadline(std::min(params.deadline(), call.request->deadline()));
    auto waiting = std::make_shared<Suspended>(handle);
    context->call(std::move(call), [this, waiting](Result<wire::FramePtr> answer) {
      outcome = std::move(answer);
      waiting->resume();
    });
  }
  Result<In<R>> await_resume() {
    if (!outcome) return fail(std::move(outcome.error()));
    if ((*outcome)->type() != In<R>::kType)
      return fail(Code::malformed, "an answer of another type");
    return In<R>(std::move(*outcome));
  }
};

/// `Ask` and `Answer`: StateAsk and StateAnswer, or of a batch.
template <class Ask, class Answer>
struct StateAwaiter {
  ServiceContext* context;
  Ask ask;
  Result<Answer> outcome = fail(Code::cancelled, "not answered");

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) {
    const TimePoint deadline = handle.promise().request()->deadline();
    auto waiting = std::make_shared<Suspended>(handle);
    context->ask_state(std::move(ask), deadline, [this, waiting](Result<Answer> answer) {
      outcome = std::move(answer);
      waiting->resume();
    });
  }
  Result<Answer> await_resume() { return std::move(outcome); }
};

}  // namespace detail

inline auto Service::state(StateCall call, bool wait) {
  return detail::StateAwaiter<StateAsk, StateAnswer>{context_, {std::move(call), wait}};
}

inline auto Service::state(StateBatch calls, bool wait) {
  return detail::StateAwaiter<StateBatchAsk, StateAnswers>{context_, {std::move(calls), wait}};
}

template <class R, class P>
auto Service::call(std::string name, Out<P>& params, TimePoint deadline, Idempotent idempotent) {
  return detail::CallAwaiter<R>{context_,
                                {std::move(name), params.finish(deadline).frame(), idempotent}};
}

/// A service and its methods, with the types erased: what the actor that runs it sees.
class ServiceRunner {
 public:
  using Method = void (*)(Service&, wire::FramePtr);
  struct Entry {
    uint64_t type;
    std::string_view name;
    Method method;
  };

  /// `Methods`: pointers to member functions of S.
  template <class S, auto... Methods>
  static ServiceRunner make(std::unique_ptr<S> service) {
    ServiceRunner runner;
    runner.service_ = std::move(service);
    (runner.add<S, Methods>(), ...);
    return runner;
  }

  void set_context(ServiceContext& context) { service_->context_ = &context; }
  /// Starts the method that takes `params`; `answer` is called once, now or later. Errors through
  /// it: invalid (no such method).
  void run(wire::FramePtr params, Answer answer) {
    const Entry* entry = find(params->type());
    if (entry == nullptr) return answer(fail(Code::invalid, "the service has no such method"));
    service_->answer_ = std::move(answer);
    entry->method(*service_, std::move(params));
  }
  /// The name of the parameter struct with this type id, which [[allow]] calls a method; empty: no
  /// such method.
  std::string_view method_name(uint64_t type) const {
    const Entry* entry = find(type);
    return entry == nullptr ? std::string_view{} : entry->name;
  }

 private:
  template <class S, class R, class P>
  static P params_of(Reply<R> (S::*)(In<P>));
  template <class S, auto Method>
  void add() {
    using P = decltype(params_of(Method));
    // The generated code keeps the text for as long as the program runs.
    const std::string_view name = capnp::Schema::from<P>().getShortDisplayName().cStr();
    methods_.push_back({In<P>::kType, name, [](Service& service, wire::FramePtr frame) {
                          (static_cast<S&>(service).*Method)(In<P>(std::move(frame)));
                        }});
  }
  const Entry* find(uint64_t type) const {
    for (const Entry& entry : methods_)
      if (entry.type == type) return &entry;
    return nullptr;
  }

  std::unique_ptr<Service> service_;
  std::vector<Entry> methods_;
};

}  // namespace themis
