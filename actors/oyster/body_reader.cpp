#include "actors/oyster/body_reader.hpp"

#include <caf/all.hpp>

#include "actors/flows/flow_api.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

struct Reading {
  caf::event_based_actor& actor;
  BodySource source;
  FlowId flow = 0;
  size_t bytes_max = 0;
  std::function<void(Result<http::Response>)> then;
};

void read_on(const Reading& reading, http::Response response);

void on_part(const Reading& reading, http::Response response, const Result<js::Part>& part) {
  if (!part) return reading.then(fail(part.error()));
  if (part->kind == js::Part::Kind::end) return reading.then(std::move(response));
  if (part->kind != js::Part::Kind::bytes)
    return reading.then(fail(Code::malformed, "a part of a body that is none"));
  response.body += as_text(part->data);
  read_on(reading, std::move(response));
}

void read_on(const Reading& reading, http::Response response) {
  if (response.body.size() > reading.bytes_max) {
    reading.actor.send(reading.source.flows, LeaveFlow{reading.source.node, reading.flow});
    return reading.then(
        fail(Code::too_large, "an answer of over " + std::to_string(reading.bytes_max) + " bytes"));
  }
  if (reading.flow == 0) return reading.then(std::move(response));
  // One part at a time: the handler that is called has the response, the other one is dropped.
  auto kept = std::make_shared<const http::Response>(std::move(response));
  reading.actor
      .request(reading.source.flows, caf::infinite, ReadFlow{reading.source.node, reading.flow})
      .then([reading,
             kept](const BodyPartMsg& message) { on_part(reading, *kept, decode_part(message)); },
            [reading](const caf::error& error) { reading.then(fail(from_caf(error))); });
}

}  // namespace

void read_answer(caf::event_based_actor& actor, const BodySource& source, const OutcomeMsg& outcome,
                 size_t bytes_max, std::function<void(Result<http::Response>)> then) {
  Result<Reply> reply = decode_outcome(outcome);
  if (!reply) return then(fail(reply.error()));
  read_on(Reading{actor, source, reply->flow, bytes_max, std::move(then)},
          std::move(reply->response));
}

}  // namespace themis
