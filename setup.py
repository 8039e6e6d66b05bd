"""Installation; settings of the tools (pytest, ruff, coverage) are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
README = ROOT / "README.md"
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (ROOT / "vsepp/__init__.py").read_text(encoding="utf-8"),
    re.MULTILINE,
)

setup(
    name="vsepp",
    version=VERSION.group(1),
    description="VSE++ image-sentence retrieval on PaddlePaddle",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9,<3.13",
    packages=find_packages(include=["vsepp", "vsepp.*"]),
    package_data={"vsepp": ["configs/*.yml", "configs/recipes/*.yml", "py.typed", "__init__.pyi"]},
    entry_points={"console_scripts": ["vsepp = vsepp.cli.main:main"]},
    # PaddlePaddle is not here: its CPU and GPU wheels install the same files, so pip
    # must never add one beside the other. It comes with an extra, or is there already.
    install_requires=[
        "numpy>=1.22",  # arrays: embeddings, ranks, metrics; 1.22 shares them with Paddle
        "threadpoolctl",  # one core to a product where products run side by side
        "pillow>=10.1",  # reading and drawing images; 10.1 brought a font of any size
        "pyyaml",  # configurations
        "tqdm",  # progress bars
        "safetensors",  # a file format for weights that cannot run code
        "visualdl",  # training curves and the projector, in the browser
        "matplotlib",  # the same curves as PNG (visualdl brings it anyway)
        "jieba>=0.42",  # cuts Chinese captions into words, between which no blanks stand
        "scikit-learn",  # PCA and t-SNE: the report's two-dimensional view of the space
    ],
    extras_require={
        # Paddle for the CPU
        "cpu": ["paddlepaddle>=3.0,<4"],
        # Paddle for NVIDIA GPUs as far as PyPI has it; 3.x comes from Paddle's own index
        "gpu": [
            "paddlepaddle-gpu>=2.6.2,<3",
            "numpy<2",  # Paddle 2.6 was compiled against NumPy 1; visualdl would pull 2
            "setuptools",  # Paddle 2.6 imports it without asking for it
        ],
        # approximate search among hundreds of thousands of photographs
        "faiss": ["faiss-cpu>=1.7.4"],  # 1.7.4 brought searches that pass over removed rows
        # codes in a Milvus collection: an embedded file (milvus-lite) or a server
        "milvus": ["pymilvus>=2.5.4", "milvus-lite; platform_system != 'Windows'"],
        # photographs of iPhones (HEIC), which Pillow alone does not read
        "heif": ["pillow-heif>=0.18"],
        # the web page of tools/demo.py
        "demo": [
            "gradio>=4.44.1",  # the last that runs on Python 3.9; newer ones on newer Pythons
            "uvicorn>=0.29",  # 0.29 brought signals that reach the program after the server
            # Gradio 4 and what was released after it
            "huggingface-hub<1; python_version < '3.10'",
            "pydantic<2.11; python_version < '3.10'",
        ],
        # cuts sentences into the tokens of BERT, ERNIE and CLIP (text_model: bert, convert --clip)
        "text": ["tokenizers>=0.13"],
        # `vsepp export --format onnx`
        "export": [
            "paddle2onnx>=2.0.1",  # the first for Paddle 3
            "onnx>=1.16,<1.18",  # what paddle2onnx was compiled against
            "onnxruntime>=1.17",  # runs what was written, to check it
        ],
        # what `python3 tools/test.py` needs
        "test": [
            "tokenizers>=0.13",  # of the extra above
            "pytest>=7.4",
            "pytest-xdist",  # the tests take all cores
            "pytest-cov",  # coverage, on request: `python3 tools/test.py -- --cov`
            "bandit[toml]",  # looks for what strangers could misuse; a test runs it
            "setuptools",  # a test looks at what would be installed
        ],
        # what `python3 tools/test.py --checks` needs, and `.ci/run` with it
        "check": [
            "ruff>=0.17,<0.18",  # format and code; another version would format otherwise
            "import-linter>=2",  # the layers that README draws
            "mypy>=1.10",  # types of the public functions
            "types-PyYAML",  # what mypy knows of pyyaml
        ],
    },
)
