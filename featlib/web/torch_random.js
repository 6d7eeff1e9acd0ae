// The random numbers of PyTorch's generator on the CPU: the Mersenne Twister MT19937 (Matsumoto and
// Nishimura, 1998, https://doi.org/10.1145/272991.272995), and what PyTorch makes of its 32 bits.

const TWISTER = 624; // numbers of its state

// Like `torch.Generator().manual_seed(seed)`. PyTorch, too, takes only the seed's lowest 32 bits.
function torchRandom(seed) {
  const state = new Uint32Array(TWISTER);
  state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
  for (let i = 1; i < TWISTER; i++)
    state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let used = TWISTER;

  const twist = () => {
    for (let i = 0; i < TWISTER; i++) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % TWISTER] & 0x7fffffff);
      state[i] = state[(i + 397) % TWISTER] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    used = 0;
  };
  const next = () => {
    if (used === TWISTER) twist();
    let bits = state[used++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  };

  // Like `torch.empty(count).uniform_(-bound, bound)`.
  const uniform = (count, bound) => {
    const low = -Math.fround(bound), span = Math.fround(-2 * low);
    return Float32Array.from({ length: count }, () => (next() % 2 ** 24) * 2 ** -24 * span + low);
  };
  // Like `torch.randperm(count)`, for less than 200 million.
  const permutation = (count) => {
    const order = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < count - 1; i++) {
      const j = i + (next() % (count - i)), held = order[i];
      order[i] = order[j];
      order[j] = held;
    }
    return order;
  };
  return { next, uniform, permutation };
}
