'use strict';
// env.SERVICES: the C++ services that the operator of this node lets functions call.

class Services {
  /// Asks `service`, wherever in the mesh it runs; `input` and `init` are those of fetch(). Its
  /// answer is a Response, whatever the status; a service that cannot be asked is an Error.
  async fetch(service, input, init = undefined) {
    web.needArguments(arguments.length, 2, 'SERVICES.fetch');
    const request = new web.Request(input, init);
    await web.gatherBody(request, native.responseBytesMax());
    const data = web.takeBody(request);
    const answer = await native.askService(web.toText(service), request.method, request.url,
      web.flattenHeaders(request.headers), data === null ? '' : data);
    return web.receiveResponse(answer[0], answer[1], answer[2]);
  }
}

web.services = new Services();
