export default {
  fetch(request) {
    const factors = [];
    let rest = Number(new URL(request.url).searchParams.get('of'));
    for (let d = 2; d * d <= rest; ++d) {
      for (; rest % d === 0; rest /= d) factors.push(d);
    }
    if (rest > 1) factors.push(rest);
    return Response.json(factors);
  },
};
