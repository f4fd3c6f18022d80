// The prime factors of a number: POST {"num": 600851475143} -> {"num": 600851475143, "factors": [71, 839, 1471, 6857]}.
function factorize(number) {
  const factors = [];
  for (let divisor = 2; divisor * divisor <= number; divisor += divisor === 2 ? 1 : 2) {
    while (number % divisor === 0) {
      factors.push(divisor);
      number /= divisor;
    }
  }
  if (number > 1) factors.push(number);
  return factors;
}

export default {
  async fetch(request) {
    let num;
    try {
      ({ num } = await request.json());
    } catch {
      return Response.json({ error: 'the body is not JSON' }, { status: 400 });
    }
    if (!Number.isSafeInteger(num) || num < 1) {
      return Response.json({ error: 'num must be a whole number from 1 to 2^53 - 1' }, { status: 400 });
    }
    return Response.json({ num, factors: factorize(num) });
  },
};
