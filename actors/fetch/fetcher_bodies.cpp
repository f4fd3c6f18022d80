// Bodies of outward requests and of their answers, bit by bit: from a function to its server, and
// from there to whoever reads.

#include <caf/all.hpp>

#include "actors/fetch/fetcher.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

using OutcomeMsg = wire::Msg<schema::Outcome>;

Result<OutcomeMsg> encode_answer(const http::Response& head, ByteView body, FlowId flow) {
  if (head.status < 200 || head.status > 599)
    return fail(Code::malformed,
                "the server answered with the status " + std::to_string(head.status));
  size_t bytes = body.size();
  for (const http::Header& header : head.headers)
    bytes += header.name.size() + header.value.size() + 48;
  wire::Builder<schema::Outcome> outcome(32 + bytes / wire::Frame::kWordBytes);
  outcome->setStatus(static_cast<uint16_t>(head.status));
  std::vector<const http::Header*> passed;
  for (const http::Header& header : head.headers)
    if (!http::is_for_one_hop(header.name)) passed.push_back(&header);
  auto headers = outcome->initHeaders(static_cast<unsigned>(passed.size()));
  for (unsigned i = 0; i < passed.size(); ++i) {
    headers[i].setName(wire::to_text(passed[i]->name));
    headers[i].setValue(wire::to_text(passed[i]->value));
  }
  outcome->setBody(wire::to_data(body));
  outcome->setFlow(flow);
  return outcome.finish();
}

}  // namespace

void Fetcher::feed(uint64_t id, Fetch& fetch) {
  if (fetch.upload == 0 || fetch.asks_part || !fetch.connection->wants_body()) return;
  if (!std::exchange(fetch.begun_upload, true)) fetch.fed_at = reactor_.loop().now();
  fetch.asks_part = true;
  request(options_.flows, caf::infinite, ReadFlow{{}, fetch.upload})
      .then([this, id](const BodyPartMsg& part) { on_part(id, decode_part(part)); },
            [this, id](const caf::error& error) { on_part(id, fail(from_caf(error))); });
}

void Fetcher::on_part(uint64_t id, const Result<js::Part>& part) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return;
  Fetch& fetch = found->second;
  fetch.asks_part = false;
  if (!fetch.connection->is_sending()) return on_changed(id);  // the server has ended it
  if (const Status sent = send_part(fetch, part); !sent) {
    counts_.oversize += sent.error().code == Code::too_large ? 1 : 0;
    return fail_fetch(id, sent.error());
  }
  on_changed(id);
}

Status Fetcher::send_part(Fetch& fetch, const Result<js::Part>& part) {
  if (!part || part->is_last()) fetch.upload = 0;  // its source knows that it is over
  if (!part) return fail(part.error());
  if (part->kind == js::Part::Kind::end) return fetch.connection->end_body();
  if (part->kind != js::Part::Kind::bytes || part->data.size() > kPartMax)
    return fail(Code::malformed, "a part of the request's body that is none");
  if (part->data.empty()) return {};  // the function lives
  fetch.fed_at = reactor_.loop().now();
  fetch.upload_bytes += part->data.size();
  counts_.sent_bytes += part->data.size();
  if (fetch.upload_bytes > kStreamedBytesMax)
    return fail(Code::too_large, "the body of the request is over 1 GiB");
  return fetch.connection->write_body(as_text(part->data));
}

void Fetcher::answer(uint64_t id, Fetch& fetch, const http::Response& head) {
  const bool is_whole = fetch.connection->over() && !fetch.connection->error();
  const FlowId flow = is_whole ? 0 : new_flow_id(*options_.rng);
  const std::string body = fetch.connection->take_body();
  counts_.received_bytes += body.size();
  const Result<OutcomeMsg> outcome = encode_answer(head, as_bytes(body), flow);
  if (!outcome) return fail_fetch(id, outcome.error());
  fetch.answered = true;
  fetch.flow = flow;
  fetch.read_at = reactor_.loop().now();
  if (flow != 0) {
    flows_.emplace(flow, id);
    send(options_.flows, OfferFlow{flow, caf::actor(this), {}});
  }
  fetch.promise.deliver(*outcome);
  if (is_whole) end_answer(id, fetch);
}

void Fetcher::end_answer(uint64_t id, Fetch& fetch) {
  if (fetch.flow != 0) {
    flows_.erase(fetch.flow);
    send(options_.flows, EndFlow{std::exchange(fetch.flow, 0), false, fetch.flow_bytes});
  }
  if (!fetch.connection->is_sending()) drop(id);
}

caf::result<BodyPartMsg> Fetcher::take(FlowId flow) {
  const auto found = flows_.find(flow);
  if (found == flows_.end()) return to_caf({Code::not_found, "this body is over"});
  const uint64_t id = found->second;
  Fetch& fetch = fetches_.at(id);
  if (fetch.poll != 0) return to_caf({Code::exists, "a part of this body is being read"});
  auto promise = make_response_promise<BodyPartMsg>();
  fetch.taker = promise;
  fetch.read_at = reactor_.loop().now();
  fetch.poll = reactor_.loop().after(js::kPollMax, [this, id] {
    Fetch& waiting = fetches_.at(id);
    waiting.poll = 0;
    waiting.taker.deliver(encode_part(js::Part{}));
  });
  give(id, fetch);
  return caf::delegated<BodyPartMsg>{};
}

/// To whoever waits for a part of the body.
void Fetcher::give(uint64_t id, Fetch& fetch) {
  FetchConnection& connection = *fetch.connection;
  if (fetch.poll == 0 || (!connection.has_body() && !connection.over())) return;
  if (!connection.has_body() && connection.error()) return fail_fetch(id, *connection.error());
  reactor_.loop().cancel(std::exchange(fetch.poll, 0));
  if (connection.has_body()) {
    const std::string bits = connection.take_body();
    counts_.received_bytes += bits.size();
    fetch.flow_bytes += bits.size();
    return void(fetch.taker.deliver(encode_part(js::Part::Kind::bytes, as_bytes(bits))));
  }
  fetch.taker.deliver(encode_part(js::Part::Kind::end, {}));
  end_answer(id, fetch);
}

}  // namespace themis
