#!/usr/bin/env python3
"""What the nine applications of the paper (apps/functions/paper) have to answer, computed without their
libraries: own plain implementations and Python's standard library. `paper.py` writes paper.json beside it,
`paper.py --check` compares it with what it computes."""
import hashlib
import hmac
import json
import math
import random
import sys
from base64 import b64decode
from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path

VECTORS = Path(__file__).with_suffix(".json")
KEY, TEXT = b"secret key 123", b"a" * 10_000


def total(numbers):
    """From left to right, as JavaScript adds; Python's sum() is more exact in later versions."""
    result = 0
    for number in numbers:
        result += number
    return result


def digest(numbers, samples=15):
    return {"count": len(numbers), "sum": total(numbers),
            "some": numbers[::max(1, len(numbers) // samples)]}


def digest_labels(labels):
    count = {str(label): labels.count(label) for label in sorted(set(labels))}
    return {"count": count,
            "positions": sum((i + 1) * (label + 1) for i, label in enumerate(labels))}


def squared_error(values):
    if not values:
        return 0.0
    mean = total(values) / len(values)
    return total((value - mean) * (value - mean) for value in values)


def grow_tree(x, y, parent_error=0.0):
    """CART for regression: leaves of at most 3 samples, splits in the middle of two neighbours, the
    first of the best ones. A leaf is a mean, a node (feature, at, lesser, greater)."""
    leaf = total(y) / len(y)
    if len(y) <= 3:
        return leaf
    best = (math.inf, None, None)
    for feature in range(len(x[0])):
        order = sorted(range(len(y)), key=lambda i, f=feature: x[i][f])  # stable
        for one, other in zip(order, order[1:]):
            if y[one] == y[other]:
                continue
            at = (x[one][feature] + x[other][feature]) / 2
            greater = [v for row, v in zip(x, y) if not row[feature] < at]
            lesser = [v for row, v in zip(x, y) if row[feature] < at]
            error = squared_error(greater) + squared_error(lesser)
            if error < best[0]:
                best = (error, feature, at)
    error, feature, at = best
    if feature is None:
        return leaf
    halves = [[(row, v) for row, v in zip(x, y) if (row[feature] < at) == is_lesser]
              for is_lesser in (True, False)]
    if not (error > 0 and error != parent_error and halves[0] and halves[1]):
        return leaf
    return (feature, at, *(grow_tree(*map(list, zip(*half)), error) for half in halves))


def ask_tree(tree, row):
    while isinstance(tree, tuple):
        feature, at, lesser, greater = tree
        tree = lesser if row[feature] < at else greater
    return tree


def decision_tree(n=1500):
    x = [[i / 100] for i in range(n)]
    tree = grow_tree(x, [math.sin(row[0]) for row in x])
    return digest([ask_tree(tree, row) for row in x])


def k_means(n=2500):
    point = (1.5, 2.25, 3.125)  # all points are this one: so are their clusters
    centers = [[i % 50, i // 50, 7 * i % 11] for i in range(n)]
    clusters, iterations, moved = None, 0, True
    while moved:
        iterations += 1
        nearest = min(range(n), key=lambda c: sum((a - b) ** 2 for a, b in zip(centers[c], point)))
        moved = any(abs(a - b) > 1e-3 for a, b in zip(centers[nearest], point))
        centers[nearest] = list(point)
        clusters = [nearest] * n
    return {"used": sorted(set(clusters)), "points": n, "centroids": [centers[clusters[0]]],
            "coordinates": digest([c for center in centers for c in center]),
            "iterations": iterations, "converged": True}


def knn(n=1500):
    def on_sphere(u, v):
        d = 1 + u * u + v * v
        return [2 * u / d, 2 * v / d, (1 - u * u - v * v) / d]
    points = []
    for i in range(n):
        point = on_sphere(0.2 + 1.5 * ((i * 37 % n) / n), 0.2 + 1.5 * (((i * 101 + 7) % n) / n))
        points.append([-c if i >> axis & 1 else c for axis, c in enumerate(point)])
    labels = [4 * (x < 0) + 2 * (y < 0) + (z < 0) for x, y, z in points]
    predicted = []
    for i in range(n):
        away = 0.001 * (1 + i % 13 / 13)
        query = [-away if i * 5 & bit else away for bit in (4, 2, 1)]
        first, second, third = sorted((math.dist(point, query), label)
                                      for point, label in zip(points, labels))[:3]
        # No matter of taste: the two nearest agree, or the third is clearly farther.
        assert first[1] == second[1] and (third[0] - second[0] > 1e-12 or third[1] == first[1]), i
        predicted.append(first[1])
    return digest_labels(predicted)


def linear_regression(n=1_500_000):
    """In exact fractions."""
    y = [3 * i + 7 + i % 11 for i in range(n)]
    sum_x, sum_xx = n * (n - 1) // 2, (n - 1) * n * (2 * n - 1) // 6
    sum_y, sum_yy, sum_xy = sum(y), sum(v * v for v in y), sum(i * v for i, v in enumerate(y))
    slope = Fraction(n * sum_xy - sum_x * sum_y, n * sum_xx - sum_x ** 2)
    intercept = (sum_y - slope * sum_x) / n
    # The rest is (y - slope * x - intercept)^2, summed; the library's chi2 is it, each divided by y.
    rest = (sum_yy - 2 * slope * sum_xy - 2 * intercept * sum_y + slope ** 2 * sum_xx
            + 2 * slope * intercept * sum_x + n * intercept ** 2)
    chi2 = math.fsum((v - (float(slope) * i + float(intercept))) ** 2 / v for i, v in enumerate(y))
    # Of what the line says with y: as it is straight, that of x with y.
    r2 = (Fraction(n * sum_xy - sum_x * sum_y) ** 2
          / ((n * sum_xx - sum_x ** 2) * (n * sum_yy - sum_y ** 2)))
    return {"slope": float(slope), "intercept": float(intercept), "r": math.sqrt(r2),
            "r2": float(r2), "chi2": chi2, "rmsd": math.sqrt(rest / n)}


def naive_bayes(n=1000, classes=4):
    labels = [i % classes for i in range(n)]
    samples = [[2 * label + ((3 * i * i + 31 * i + i * j + 17 * j) % 97) / 97 for j in range(n)]
               for i, label in enumerate(labels)]
    means, scales, priors = [], [], []
    for label in range(classes):
        columns = list(zip(*(row for row, own in zip(samples, labels) if own == label)))
        means.append([math.fsum(column) / len(column) for column in columns])
        scales.append([math.fsum((v - m) ** 2 for v in column) / (len(column) - 1)
                       for column, m in zip(columns, means[-1])])
        priors.append(len(columns[0]) / n)

    def log_likelihood(row, label):
        return math.log(priors[label]) - sum((v - m) ** 2 / (2 * s) + math.log(s) / 2 for v, m, s
                                             in zip(row, means[label], scales[label]))
    predicted = [max(range(classes), key=lambda label, row=row: log_likelihood(row, label))
                 for row in samples]
    return {"predicted": digest_labels(predicted), "means": [digest(m, 3) for m in means]}


class Mersenne:
    """Python's own generator, started by the one number of Matsumoto's and Nishimura's init_genrand."""

    def __init__(self, seed):
        state = [seed % 2**32]
        for i in range(1, 624):
            state.append((0x6c078965 * (state[-1] ^ state[-1] >> 30) + i) % 2**32)
        self.python = random.Random()
        self.python.setstate((3, (*state, 624), None))

    def next(self):
        return self.python.getrandbits(32)

    def below(self, count):
        if count & (count - 1) == 0:
            return self.next() & (count - 1)
        while (value := self.next()) >= 2**32 // count * count:
            pass
        return value % count


def random_forest(trees=200, samples=50, features=2):
    x = [[i, i * i % 53, i * 7 % 31] for i in range(samples)]
    y = [a + 2 * b - c / 4 for a, b, c in x]
    seed, said, out_of_bag = 3, [[] for _ in x], [[] for _ in x]
    for _ in range(trees):
        bag = Mersenne(seed)
        drawn = [bag.below(samples) for _ in x]
        choice = Mersenne(bag.next())
        columns = []
        while len(columns) < features:
            column = choice.below(3)
            if column not in columns:
                columns.append(column)
        seed = choice.next()
        tree = grow_tree([[x[i][c] for c in columns] for i in drawn], [y[i] for i in drawn])
        for i, row in enumerate(x):
            answer = ask_tree(tree, [row[c] for c in columns])
            said[i].append(answer)
            if i not in drawn:
                out_of_bag[i].append(answer)
    return {name: digest([total(of) / len(of) for of in answers])
            for name, answers in (("predicted", said), ("out_of_bag", out_of_bag))}


def shortest_path(n=5000):
    """With a heap."""
    distance, queue = {}, [(0, 0)]
    while queue:
        length, at = heappop(queue)
        if at in distance:
            continue
        distance[at] = length
        for to, weight in ((at, at % 5), ((at * 7 + 1) % n, 1 + at % 3), ((at + 1) % n, 5 + at % 4)):
            heappush(queue, (length + weight, to))
    in_order = [distance[i] for i in range(n)]
    return {"farthest": max(in_order), "distance": digest(in_order)}


# Each noun as the text has it, and its two forms.
NOUNS = [pair.split("/") for pair in """
bird/bird/birds nests/nest/nests feather/feather/feathers mice/mouse/mice goose/goose/geese
wolves/wolf/wolves leaf/leaf/leaves children/child/children fox/fox/foxes branches/branch/branches
berry/berry/berries cities/city/cities tomato/tomato/tomatoes knives/knife/knives tooth/tooth/teeth
women/woman/women river/river/rivers gardens/garden/gardens farmer/farmer/farmers
stories/story/stories church/church/churches heroes/hero/heroes house/house/houses
windows/window/windows egg/egg/eggs trees/tree/trees lake/lake/lakes stones/stone/stones
girl/girl/girls valleys/valley/valleys shelf/shelf/shelves owls/owl/owls eagle/eagle/eagles
sparrows/sparrow/sparrows meadow/meadow/meadows forests/forest/forests bridge/bridge/bridges
boats/boat/boats basket/basket/baskets lanterns/lantern/lanterns horse/horse/horses
islands/island/islands cloud/cloud/clouds flowers/flower/flowers chimney/chimney/chimneys
teachers/teacher/teachers puppy/puppy/puppies canaries/canary/canaries cherry/cherry/cherries
loaves/loaf/loaves thief/thief/thieves scarves/scarf/scarves""".split()]
ADJECTIVES = "quiet old small tall brown young distant narrow empty".split()
VERBS = "waited slept appeared vanished remained arrived".split()
PREPOSITIONS = "near behind beside above below".split()


def make_text(length, form):
    """The text that NLP is given (form 0), its nouns in the singular (1), in the plural (2): the two
    answers are made, not found. `length` is that of form 0."""
    state, given, changed, nouns = 1, "", [], 0

    def pick(words):
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return words[(state >> 16) % len(words)]
    while len(given) < length:
        words = [pick(ADJECTIVES), pick(NOUNS), pick(VERBS), pick(PREPOSITIONS), pick(ADJECTIVES),
                 pick(NOUNS)]
        nouns += 2
        for of, forms in ((0, None), (form, changed)):
            one, other = (words[i][of] for i in (1, 5))
            sentence = (f"The {words[0]} {one} {words[2]} {words[3]} the {words[4]} {other}.")
            if forms is None:
                given += (" " if given else "") + sentence
            else:
                forms.append(sentence)
    return {"nouns": nouns, "text": " ".join(changed)}


def nlp(n=1629):
    return {"plural": make_text(n, 2), "singular": make_text(n, 1)}


def encrypt_sign(text=TEXT):
    """The ciphertext has a salt in it: see opened()."""
    return {"signature": hmac.new(KEY, text, hashlib.sha512).hexdigest(),
            "plaintext_sha256": hashlib.sha256(text).hexdigest()}


def aes_tables():
    """FIPS 197, section 5: the inverse S-box, and products in GF(2^8)."""
    def times(a, b):
        result = 0
        while b:
            result ^= a * (b & 1)
            a, b = (a << 1) ^ (0x11b if a & 0x80 else 0), b >> 1
        return result
    box = [0x63] * 256
    for a in range(1, 256):
        inverse = next(b for b in range(1, 256) if times(a, b) == 1)
        rotated = [(inverse << k | inverse >> (8 - k)) & 255 for k in range(5)]
        box[a] = 0x63
        for one in rotated:
            box[a] ^= one
    return box, {k: [times(a, k) for a in range(256)] for k in (9, 11, 13, 14)}


def decrypt_aes256_cbc(key, vector, data):
    box, product = aes_tables()
    unbox = [box.index(a) for a in range(256)]
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    power = 1
    while len(words) < 60:
        word = list(words[-1])
        if len(words) % 8 == 0:
            word = [box[a] for a in word[1:] + word[:1]]
            word[0] ^= power
            power *= 2
        elif len(words) % 8 == 4:
            word = [box[a] for a in word]
        words.append([a ^ b for a, b in zip(words[-8], word)])
    keys = [sum(words[i:i + 4], []) for i in range(0, 60, 4)]
    plain = b""
    for at in range(0, len(data), 16):
        state = [a ^ b for a, b in zip(data[at:at + 16], keys[14])]
        for number in range(13, -1, -1):
            state = [unbox[state[(i - 4 * (i % 4)) % 16]] ^ keys[number][i] for i in range(16)]
            if number > 0:
                state = [product[14][state[c + r]] ^ product[11][state[c + (r + 1) % 4]]
                         ^ product[13][state[c + (r + 2) % 4]] ^ product[9][state[c + (r + 3) % 4]]
                         for c in (0, 4, 8, 12) for r in range(4)]
        plain += bytes(a ^ b for a, b in zip(state, vector))
        vector = data[at:at + 16]
    assert 1 <= plain[-1] <= 16 and plain.endswith(bytes([plain[-1]]) * plain[-1]), "padding"
    return plain[:-plain[-1]]


def opened(answer):
    """What encrypt_sign answered, in the form of its vector: OpenSSL's "Salted__" with a key that is
    made of passphrase and salt by MD5, and AES-256 in CBC mode."""
    sealed = b64decode(answer["ciphertext"], validate=True)
    assert sealed[:8] == b"Salted__", sealed[:8]
    derived, last = b"", b""
    while len(derived) < 48:
        last = hashlib.md5(last + KEY + sealed[8:16]).digest()
        derived += last
    plain = decrypt_aes256_cbc(derived[:32], derived[32:48], sealed[16:])
    return {"signature": answer["signature"], "plaintext_sha256": hashlib.sha256(plain).hexdigest()}


APPLICATIONS = [decision_tree, k_means, knn, linear_regression, nlp, naive_bayes, random_forest,
                shortest_path, encrypt_sign]


def main():
    vectors = json.dumps({run.__name__: run() for run in APPLICATIONS}, indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        return 0 if VECTORS.read_text() == vectors else f"{VECTORS.name} differs"
    VECTORS.write_text(vectors)
    return 0


if __name__ == "__main__":
    sys.exit(main())
