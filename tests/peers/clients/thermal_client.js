// Print a receipt with npm node-thermal-printer on a port; print what was told, as JSON.
// argv: node thermal_client.js <folder with node_modules> <port>
const fs = require('fs');
const path = require('path');

const [folder, port] = process.argv.slice(2);
const { ThermalPrinter, PrinterTypes, CharacterSet } = require(
  path.join(folder, 'node_modules', 'node-thermal-printer'));

async function main () {
  const heard = fs.openSync(port, fs.constants.O_RDWR | fs.constants.O_NOCTTY);
  const printer = new ThermalPrinter({
    type: PrinterTypes.EPSON, interface: port, width: 48, characterSet: CharacterSet.CHINA,
  });
  const connected = await printer.isPrinterConnected();
  printer.alignCenter();
  printer.setTextDoubleHeight(); // ESC ! sets every style at once, so bold comes after it
  printer.bold(true);
  printer.println('Receipt');
  printer.setTextNormal();
  printer.bold(false);
  printer.drawLine();
  printer.leftRight('balance', '100.00');
  printer.tableCustom([
    { text: 'unit', align: 'LEFT', width: 0.5 }, { text: 'notes', align: 'RIGHT', width: 0.5, bold: true },
  ]);
  printer.println('余额 100.00 元');
  printer.underline(true);
  printer.println('underlined');
  printer.underline(false);
  printer.invert(true);
  printer.println('inverse');
  printer.invert(false);
  printer.alignRight();
  printer.println('right');
  printer.alignLeft();
  printer.printQR('https://example.org/r/42', { cellSize: 4, correction: 'Q', model: 2 });
  printer.code128('0042-ABC', { height: 80 });
  printer.printBarcode('4006381333931', 67);
  printer.cut();
  const printed = await printer.execute();
  printer.clear();
  await printer.getStatus(); // appends the buffered paper query: answered when all before it is printed
  await printer.execute();
  const reply = Buffer.alloc(1);
  const count = fs.readSync(heard, reply, 0, 1, null);
  fs.closeSync(heard);
  console.log(JSON.stringify({ connected, printed, status: reply.subarray(0, count).toString('hex') }));
}

main().catch((error) => { console.error(error); process.exit(1); });
