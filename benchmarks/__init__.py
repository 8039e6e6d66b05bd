"""How fast the package is, beside what a user would run instead.

Every figure is measured in one run, each side in a process of its own, in turn: A, B, A, B.

    parts.py      what can be measured          bench.py      sides in turn, bars, rows
    timing.py     medians and their ratios      processes.py  a side's process, seen from here
    results.py    rows, table, JSON             worker.py     the same, seen from inside
    machine.py    processor and versions        memory.py     peak memory of a process
    synthetic.py  data to measure on

One module per part: training_step, bigru, bert, grid, captioners, epoch, features, ranks, growth,
images, answers, exports, micro_batch, index. The encoders' parts share encoder_step, encoder_codes
and encoder_data; answers and exports share random_model. The other sides: documented_model,
documented_images and documented_ranks hold the documented code, pytorch, pytorch_encoders and
pytorch_captioners the same in PyTorch.
"""
