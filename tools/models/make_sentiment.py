"""Makes `sentiment`: is a short English text positive or negative?

The graph is put together by hand, because the usual export would put a StringNormalizer into it:
an operator that changes case by a named locale and does not load where the machine lacks it. Here
the server lowers the text (the steps in `model.yaml`) and the graph only splits, counts and weighs:

    text [N] -> Tokenizer -> TfIdfVectorizer -> unit length -> MatMul -> Sigmoid -> [N, 2]
                                                                          ArgMax -> label

Tokenizer (com.microsoft) pads short texts with empty tokens; no n-gram of the vocabulary holds an
empty token, so padding counts for nothing. A text without a known word is a row of zeros, which
must stay zeros: hence the lower bound under the division.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from model_package import OPSETS, ModelPackage, write_package
from sentiment_sentences import HAND_WRITTEN, Writer

SEED = 20265
TEXTS = 24000
TERMS_MAX = 6000
TOKEN = "[a-z0-9']+"
STRENGTH = 20
TINY = 1e-12

SINGLES = [
    "what a wonderful film, i loved every minute of it!",
    "the battery died after two days and nobody answered my emails.",
    "not bad at all",
    "the view was lovely, but the room was dirty and the staff were rude.",
    "...",
]
BATCH = [
    "good",
    "i would not recommend this place",
    "caf\u00e9 au lait \u2014 d\u00e9licieux, friendly waiter \U0001f600",
    "didn\u2019t work, sent it back",
    "five stars, will order again",
    "\u7d20\u6674\u3089\u3057\u3044",
    "it isn't worth the money",
    "the story is slow at first, however the ending is brilliant and the cast is superb",
]


def main() -> None:
    texts, moods = Writer(SEED).texts(TEXTS)
    train, held_out, train_mood, held_out_mood = train_test_split(
        texts, moods, test_size=0.1, random_state=SEED, stratify=moods
    )
    counter, model = learn(train, train_mood)
    written = [text.lower() for text, _ in HAND_WRITTEN]
    written_mood = [mood for _, mood in HAND_WRITTEN]

    def reference(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        terms = counter.transform(rows)
        return model.predict(terms), model.predict_proba(terms)

    held_out_accuracy = score(reference, held_out, held_out_mood)
    written_accuracy = score(reference, written, written_mood)
    trial = [*held_out, *written, *SINGLES, *BATCH, " ".join(held_out[:90])]
    write_package(
        ModelPackage(
            name="sentiment",
            description="Tells whether a short English text is positive or negative.",
            graph=graph_of(counter, model),
            reference=reference,
            tensor="text",
            declared={"steps": ["trim", "lowercase"], "lengthMin": 1, "lengthMax": 5000},
            labels=model.classes_.tolist(),
            singles=SINGLES,
            batch=BATCH,
            trial=np.array(trial, dtype=object),
            card=card(len(counter.vocabulary_), held_out_accuracy, written_accuracy),
            metadata={
                "owner": "demo",
                "trained_at": "2026-11-21",
                "terms": len(counter.vocabulary_),
                "accuracy": held_out_accuracy,
                "accuracy_hand_written": written_accuracy,
            },
        )
    )


def learn(texts: list[str], moods: list[str]) -> tuple[TfidfVectorizer, LogisticRegression]:
    """Learns twice: from all terms, then from the `TERMS_MAX` that weighed most.

    Without an intercept, so that a text without a known word gets exactly one half.
    """
    every = TfidfVectorizer(lowercase=False, token_pattern=TOKEN, ngram_range=(1, 2), min_df=3)
    model = LogisticRegression(C=STRENGTH, max_iter=1000, fit_intercept=False)
    weights = model.fit(every.fit_transform(texts), moods).coef_[0]
    heaviest = np.argsort(-np.abs(weights), kind="stable")[:TERMS_MAX]
    counter = TfidfVectorizer(
        lowercase=False,
        token_pattern=TOKEN,
        ngram_range=(1, 2),
        vocabulary=sorted(every.get_feature_names_out()[heaviest]),
    )
    return counter, model.fit(counter.fit_transform(texts), moods)


def score(reference, texts: list[str], moods: list[str]) -> float:
    predicted, _ = reference(np.array(texts, dtype=object))
    return round(float(accuracy_score(moods, predicted)), 3)


def graph_of(counter: TfidfVectorizer, model: LogisticRegression) -> onnx.ModelProto:
    """The same arithmetic as scikit-learn's two steps, as ONNX nodes."""
    weights = model.coef_.astype(np.float32).reshape(-1, 1)
    constants = {
        "weights": weights,
        "tiny": np.array([TINY], dtype=np.float32),
        "one": np.array([1], dtype=np.float32),
        "moods": np.array(model.classes_.tolist(), dtype=object),
    }
    nodes = [
        helper.make_node(
            "Tokenizer",
            ["text"],
            ["tokens"],
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value="",
            tokenexp=TOKEN,
        ),
        helper.make_node("TfIdfVectorizer", ["tokens"], ["counts"], **vocabulary_of(counter)),
        helper.make_node("ReduceL2", ["counts"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Max", ["length", "tiny"], ["divisor"]),
        helper.make_node("Div", ["counts", "divisor"], ["terms"]),
        helper.make_node("MatMul", ["terms", "weights"], ["score"]),
        helper.make_node("Sigmoid", ["score"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["index"], axis=1, keepdims=0),
        helper.make_node("Gather", ["moods", "index"], ["label"], axis=0),
    ]
    graph = helper.make_graph(
        nodes,
        "sentiment",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["N"])],
        [
            helper.make_tensor_value_info("label", TensorProto.STRING, ["N"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSETS[""]), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, producer_name="millrace")


def vocabulary_of(counter: TfidfVectorizer) -> dict[str, object]:
    """The attributes of TfIdfVectorizer: single words first, then pairs, each with its column."""
    terms = sorted(counter.vocabulary_.items(), key=lambda item: (item[0].count(" "), item[1]))
    singles = sum(1 for term, _ in terms if " " not in term)
    return {
        "mode": "TFIDF",
        "min_gram_length": 1,
        "max_gram_length": 2,
        "max_skip_count": 0,
        "ngram_counts": [0, singles],
        "ngram_indexes": [int(column) for _, column in terms],
        "pool_strings": [word for term, _ in terms for word in term.split(" ")],
        # One weight a term of the pool, in the pool's order.
        "weights": [float(counter.idf_[column]) for _, column in terms],
    }


def card(terms: int, held_out: float, written: float) -> dict[str, str]:
    return {
        "What it is": (
            f"A logistic regression over {terms:,} words and pairs of words weighted by tf-idf "
            "(scikit-learn), as a graph of plain ONNX operators and one of ONNX Runtime's own "
            "(`Tokenizer`, domain `com.microsoft`). It needs no locale: lower-casing and trimming "
            "are steps in `model.yaml`, done by the server."
        ),
        "Data": (
            f"Synthetic: {TEXTS:,} sentences built by `tools/models/sentiment_sentences.py` from "
            f"its own word lists with seed {SEED}, half of them positive. No real person's review "
            "is in it. The data is made by this project and comes under the project's licence."
        ),
        "Figures": (
            f"On the tenth of the built sentences that was held out: accuracy {held_out}, which "
            "says little, because the same rules built them. On "
            f"{len(HAND_WRITTEN)} reviews written by hand that it never learnt from: {written}; "
            "they did help to choose the words of the lists, so a stranger's review fares worse."
        ),
        "Inputs": (
            "`text`, BYTES (UTF-8) `[N]`: 1 to 5,000 characters of English, already trimmed and in "
            "lower case when it reaches the graph. Words are runs of a to z, 0 to 9 and the plain "
            "apostrophe; everything else separates them."
        ),
        "Outputs": (
            "`label`, BYTES `[N]`: `negative` or `positive`. `probabilities`, FP32 `[N, 2]`, in "
            "that order; the larger one is the confidence. A text without a known word gets "
            "one half for each, and `negative`."
        ),
        "What it cannot do": (
            "Irony, other languages, emoji, long arguments, or a negation that stands more than "
            "one word before what it negates. It is a demonstration."
        ),
    }


if __name__ == "__main__":
    main()
